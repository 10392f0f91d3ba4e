"""ModelConfig: all that decides a network's shape and its function. Imports no torch, so `info` is instant."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Backbone = Literal[
    "resnet18", "resnet18_c4", "resnet50", "resnet101", "mobilenet_v3_small", "mobilenet_v3_large",
    "efficientnet_lite0", "efficientnet_lite2",
]  # fmt: skip
Head = Literal["hyperbolic", "hyperbolic-reference", "euclidean"]


class ModelConfig(BaseModel):
    """Architecture of a hyperbolic DeepLabV3+."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: Backbone = "resnet18"
    output_stride: Literal[8, 16] = 16
    convolutions: Literal["standard", "separable"] = "separable"  # in ASPP and decoder
    embedding_size: int = Field(default=64, ge=2)  # D
    embedding_layers: Literal[1, 2] = 1  # convolutions from the decoder's features to the embedding
    nodes: int = Field(ge=2)  # M for a hierarchical softmax, K for a flat one
    softmax: Literal["hierarchical", "flat"] = "hierarchical"
    # Which logits: the closed form, the reference implementation's expansion, or a plain 1x1 convolution.
    head: Head = "hyperbolic"
    curvature: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)  # c; the value after training
    # t = 2 sqrt(c) |v| is held below this, and how; 7.6 is the reference's 1e-3 from the edge of the ball.
    t_max: float = Field(default=2.0 * math.atanh(1.0 - 1e-3), gt=0.0, le=20.0, allow_inf_nan=False)
    radial_limit: Literal["hard", "smooth"] = "smooth"

    @property
    def max_distance(self) -> float:
        """Distance to the origin at the limit `t_max`: full scale of the confidence maps."""
        return self.t_max / math.sqrt(self.curvature)
