"""Distances between points in polar coordinates: t = sqrt(c) times the distance to the origin, and directions.

All are in units of `1 / sqrt(c)`.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Of a square, below which the root's slope is taken as it is there: at 0 it is infinite.
_LEAST = 1e-7


def hyperbolic_distance(t: Tensor, other: Tensor, cosine: Tensor) -> Tensor:
    """In hyperbolic space, of points at t and `other` whose directions have a cosine; shapes broadcast.

    `2 asinh sqrt(sinh^2((t - t') / 2) + sinh(t) sinh(t') (1 - cosine) / 2)`: the hyperbolic law of cosines in half
    angles. Its usual form, acosh(cosh t cosh t' - sinh t sinh t' cosine), loses all digits of points that are near to
    each other and far out: in float32 a point at t = 7.6 lies 0.77 from itself.
    """
    half = torch.sinh((t - other) / 2.0).square() + torch.sinh(t) * torch.sinh(other) * (1.0 - cosine) / 2.0
    return 2.0 * torch.asinh(half.clamp_min(_LEAST).sqrt())


def euclidean_distance(t: Tensor, other: Tensor, cosine: Tensor) -> Tensor:
    """The same in flat space: `sqrt((t - t')^2 + 2 t t' (1 - cosine))`."""
    return ((t - other).square() + 2.0 * t * other * (1.0 - cosine)).clamp_min(_LEAST).sqrt()
