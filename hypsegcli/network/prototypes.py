"""Classifiers whose classes are several prototypes each: the nearest one answers.

After Zhou et al., "Rethinking Semantic Segmentation: A Prototype View", CVPR 2022. Prototypes are directions; no
gradient moves them, `training/prototypes.py` does. In the ball all of them lie at one learned distance to the origin:
at distances of their own a pixel is nearest to what lies as far out as itself, whatever the direction. The nearest of a
class is then the one of the largest cosine, in every geometry.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.geometry.mlr import radial
from hypsegcli.geometry.polar import euclidean_distance, hyperbolic_distance
from hypsegcli.network.config import ModelConfig

# t = 2 sqrt(c) |v| of the prototypes stays below this, where float32 cosines are exact enough for distances: the ball's
# room grows with sinh(t), 27 there, and an angle's last digit with it.
FARTHEST = 4.0

_SPREAD = 0.1  # of a class's first prototypes around their middle
_SCALE, _COSINE_SCALE = 2.0, 10.0  # of distances and cosines in the first logits


class PrototypeHead(nn.Module):
    """The distance to the nearest prototype of each class, negative and scaled, as its logit."""

    prototypes: Tensor
    raw_radius: nn.Parameter  # where distances are looked at

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        shape = (config.nodes, config.prototypes, config.embedding_size)
        directions = torch.empty(shape)
        if not directions.is_meta:
            # A class begins as one: directions strewn over the ball would cut it, and others, to pieces that stay.
            directions = F.normalize(directions.normal_(std=_SPREAD) + torch.randn(shape[0], 1, shape[2]), dim=2)
        self.register_buffer("prototypes", directions)  # (K, P, D); a moving average of them is not of length 1
        start = _COSINE_SCALE if config.head == "prototypes-cosine" else _SCALE
        self.log_scale = nn.Parameter(torch.tensor(math.log(start)))
        if config.head != "prototypes-cosine":
            self.raw_radius = nn.Parameter(torch.tensor(0.0))  # its sigmoid is a share of FARTHEST

    @property
    def radius(self) -> Tensor:
        """T of all prototypes, between 0 and 4: at the distance `t / sqrt(c)` to the origin; cosines have none."""
        return FARTHEST * self.raw_radius.sigmoid()

    @property
    def directions(self) -> Tensor:
        """(K, P, D) prototypes of length 1."""
        return F.normalize(self.prototypes, dim=2)

    def forward(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Tangent vectors (B, D, h, w) to logits (B, K, h, w) and distance to the origin (B, h, w), float32."""
        c = self.config.curvature
        t = radial(v, c=c, t_max=self.config.t_max, limit=self.config.radial_limit)
        u, directions = F.normalize(v, dim=1), self.directions
        nearest = _cosines(u, directions[:, 0])
        for each in range(1, self.config.prototypes):  # one after the other, in the memory of one
            nearest = torch.maximum(nearest, _cosines(u, directions[:, each]))
        return self.log_scale.exp() * self._likeness(nearest, t), t.squeeze(1) / math.sqrt(c)

    def cosines(self, v: Tensor, of: int) -> Tensor:
        """(B, P, h, w) cosines of tangent vectors (B, D, h, w) to the prototypes of a class."""
        return _cosines(F.normalize(v, dim=1), self.directions[of])

    def _likeness(self, cosine: Tensor, t: Tensor) -> Tensor:
        """What grows as a pixel at t (B, 1, h, w) comes nearer to prototypes at a cosine (B, K, h, w)."""
        if self.config.head == "prototypes-cosine":
            return cosine
        distance = euclidean_distance if self.config.head == "prototypes-euclidean" else hyperbolic_distance
        return -distance(t, self.radius, cosine) / math.sqrt(self.config.curvature)


def _cosines(u: Tensor, directions: Tensor) -> Tensor:
    return F.conv2d(u, directions[:, :, None, None]).clamp(-1.0, 1.0)
