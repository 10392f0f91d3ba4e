"""ModelConfig: all that decides a network's shape and its function. Imports no torch, so `info` is instant."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

BACKBONES = (
    "resnet18", "resnet18_c4", "resnet50", "resnet101", "mobilenet_v3_small", "mobilenet_v3_large",
    "efficientnet_lite0", "efficientnet_lite2",
)  # fmt: skip
TIMM = "timm:"  # what stands before the name of a network of timm's


def _one_of_ours_or_timms(name: str) -> str:
    """Whether timm has a network of that name is seen when it is built: timm brings torch along."""
    if name not in BACKBONES and not re.fullmatch(rf"{TIMM}[A-Za-z0-9_.]+", name):
        raise ValueError(f"expected {', '.join(BACKBONES)}, or {TIMM}NAME, a network of timm's")
    return name


BackboneName = Annotated[str, AfterValidator(_one_of_ours_or_timms)]
Head = Literal["hyperbolic", "hyperbolic-reference", "euclidean"]


class ModelConfig(BaseModel):
    """Architecture of a hyperbolic DeepLabV3+."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: BackboneName = "resnet18"
    output_stride: Literal[8, 16] = 16
    convolutions: Literal["standard", "separable"] = "separable"  # in ASPP and decoder
    embedding_size: int = Field(default=64, ge=2, le=65_536)  # D
    embedding_layers: Literal[1, 2] = 1  # convolutions from the decoder's features to the embedding
    nodes: int = Field(ge=2)  # M for a hierarchical softmax, K for a flat one
    softmax: Literal["hierarchical", "flat"] = "hierarchical"
    # Which logits: the closed form, the reference implementation's expansion, or a plain 1x1 convolution.
    head: Head = "hyperbolic"
    # c, the value after training; within these bounds float32 holds the distance and the logits of any embedding.
    curvature: float = Field(default=1.0, ge=1e-6, le=1e6, allow_inf_nan=False)
    # t = 2 sqrt(c) |v| is held below this, and how; 7.6 is the reference's 1e-3 from the edge of the ball.
    t_max: float = Field(default=2.0 * math.atanh(1.0 - 1e-3), ge=0.01, le=20.0, allow_inf_nan=False)
    radial_limit: Literal["hard", "smooth"] = "smooth"

    @property
    def max_distance(self) -> float:
        """Distance to the origin at the limit `t_max`: full scale of the confidence maps."""
        return self.t_max / math.sqrt(self.curvature)
