"""TrainConfig: every choice a training run makes, with its unit and default."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainConfig(BaseModel):
    """What `hypseg train` does; written into the run folder and the checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=110, ge=1)
    batch_size: int = Field(default=8, ge=2)  # images; batch norm needs two
    crop_height: int = Field(default=240, ge=64, multiple_of=16)  # pixels
    crop_width: int = Field(default=320, ge=64, multiple_of=16)  # pixels
    scale_min: float = Field(default=0.5, gt=0)  # the image is resized by a factor drawn from this range
    scale_max: float = Field(default=2.0, gt=0)
    color_jitter: float = Field(default=0.4, ge=0, le=1)  # brightness, contrast, saturation; hue gets a quarter
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=0.02, ge=0)  # of AdamW; kernels and normals only
    warmup_steps: int = Field(default=300, ge=0)  # linear, from 0
    poly_power: float = Field(default=0.9, ge=0)  # then (1 - step / steps) ** power
    max_class_weight: float = Field(default=4.0, ge=1)  # 1 switches class weights off
    radius_weight: float = Field(default=0.5, ge=0)  # of the loss that teaches the radius to be a confidence
    precision: Literal["fp32", "bf16"] = "fp32"
    validate_every: int = Field(default=1, ge=1)  # epochs; the last one is always validated
    workers: int = Field(default=2, ge=0)  # processes that read and augment
    seed: int = Field(default=0, ge=0)
