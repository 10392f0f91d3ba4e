"""The Poincaré ball as free functions on tensors.

Vectors lie along one axis, `dim` (the last by default; 1 for (B, D, h, w) maps), and every function keeps the
dtype it is given. Formulas: Ganea, Bécigneul, Hofmann, "Hyperbolic Neural Networks", 2018, section 2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Distance kept from the ball's edge, as a fraction of its radius. The reference implementation's value: in
# float32 `1 - c |z|^2` still carries three digits there.
EDGE = 1e-3

# The largest `t = 2 sqrt(c) |v|` such that exp_0(v) is not projected: 7.6, where cosh(t) is about 1,000.
T_MAX = 2.0 * math.atanh(1.0 - EDGE)

# Below this, tanh(x) / x is 1 - x^2 / 3 to the last bit of a float32 (the next term is 2 x^4 / 15 < 1e-13).
_SERIES = 1e-3


def _norm(x: Tensor, dim: int) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    return norm


def _ratio(numerator: Tensor, x: Tensor, near_zero: Tensor) -> Tensor:
    """`numerator / x` where x is large enough, `near_zero` elsewhere; no NaN in value or gradient at x = 0."""
    small = x < _SERIES
    return torch.where(small, near_zero, numerator / torch.where(small, torch.ones_like(x), x))


def project(z: Tensor, *, c: float, dim: int = -1, edge: float = EDGE) -> Tensor:
    """Pull points outside `sqrt(c) |z| <= 1 - edge` back to that sphere; leave the others untouched."""
    limit = (1.0 - edge) / math.sqrt(c)
    norm = _norm(z, dim)
    return torch.where(norm > limit, z * (limit / norm.clamp_min(limit)), z)


def exp_map_zero(v: Tensor, *, c: float, dim: int = -1) -> Tensor:
    """`tanh(sqrt(c) |v|) v / (sqrt(c) |v|)`: tangent vector at the origin to point of the ball, not projected."""
    x = math.sqrt(c) * _norm(v, dim)
    return v * _ratio(torch.tanh(x), x, 1.0 - x * x / 3.0)


def log_map_zero(z: Tensor, *, c: float, dim: int = -1) -> Tensor:
    """`artanh(sqrt(c) |z|) z / (sqrt(c) |z|)`, the inverse of `exp_map_zero`, for points inside the ball."""
    x = math.sqrt(c) * _norm(z, dim)
    return z * _ratio(torch.atanh(x), x, 1.0 + x * x / 3.0)


def mobius_add(x: Tensor, y: Tensor, *, c: float, dim: int = -1) -> Tensor:
    """Möbius addition of points of the ball; neither commutative nor associative, but `-x (+) (x (+) y) = y`."""
    xx = (x * x).sum(dim, keepdim=True)
    yy = (y * y).sum(dim, keepdim=True)
    xy = (x * y).sum(dim, keepdim=True)
    numerator = (1.0 + 2.0 * c * xy + c * yy) * x + (1.0 - c * xx) * y
    return numerator / (1.0 + 2.0 * c * xy + c * c * xx * yy)


def distance(x: Tensor, y: Tensor, *, c: float, dim: int = -1) -> Tensor:
    """Geodesic distance between points of the ball, without the vector axis.

    Written with asinh of the difference rather than artanh of the Möbius sum: two points that nearly coincide
    keep their digits.
    """
    room = (1.0 - c * x.square().sum(dim)) * (1.0 - c * y.square().sum(dim))
    # The norm, not the root of its square: that would underflow first, and its slope is infinite at 0, where the
    # norm's is 0 by convention.
    root = _norm(x - y, dim).squeeze(dim) * (c / room).sqrt()
    return (2.0 / math.sqrt(c)) * torch.asinh(root)


def distance_to_origin(z: Tensor, *, c: float, dim: int = -1) -> Tensor:
    """`(2 / sqrt(c)) artanh(sqrt(c) |z|)`, without the vector axis; for `z = exp_0(v)` this is `2 |v|`."""
    return (2.0 / math.sqrt(c)) * torch.atanh(math.sqrt(c) * _norm(z, dim).squeeze(dim))
