"""The reference's way from the ball to the image's pixels: blend the points of the ball, measure the blend."""

from __future__ import annotations

import torch
from torch import Tensor

from hypsegcli.geometry.poincare import distance_to_origin, exp_map_zero, project
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import NetworkOutput

# As near the edge as float32 can hold a point, t = 15; one step further and rounding puts points onto it.
_FLOAT_EDGE = 4.0 * torch.finfo(torch.float32).eps


def held_vectors(output: NetworkOutput) -> Tensor:
    """(B, D, h, w) tangent vectors at the origin, each as long as the head's limit left it: |v| = distance / 2."""
    length = output.embedding.norm(dim=1, keepdim=True).clamp_min(1e-15)
    held: Tensor = output.embedding * (output.distance[:, None] / 2.0 / length)
    return held


def points_to_blend(output: NetworkOutput, config: ModelConfig) -> Tensor:
    """(B, D, h, w) points of the ball; of a Euclidean head, which has none, the held vectors themselves."""
    held = held_vectors(output)
    if not config.in_ball:
        return held
    return project(exp_map_zero(held, c=config.curvature, dim=1), c=config.curvature, dim=1, edge=_FLOAT_EDGE)


def blend_distance(points: Tensor, config: ModelConfig) -> Tensor:
    """(B, H, W) distance to the origin of blends of such points."""
    if not config.in_ball:
        length: Tensor = torch.linalg.vector_norm(points, dim=1)
        return 2.0 * length
    return distance_to_origin(points, c=config.curvature, dim=1)
