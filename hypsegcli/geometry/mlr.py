r"""Hyperbolic multinomial logistic regression: from tangent vectors to logits.

A class is a gyroplane. With `t = 2 sqrt(c) |v|`, `x0 = cosh(t)` and `xs = sinh(t) v / |v|` (the Lorentz
coordinates of exp_0(v)), the logit of the hyperbolic-segmentation paper (Ghadimi Atigh et al., CVPR 2022) is

    logit = s asinh(<W, xs> - w0 x0),     |W|^2 - w0^2 = 1,     s = 2 |a| / sqrt(c)

that is, one 1x1 convolution of v, two scalars a pixel and an asinh. `from_bias` (the free parameters of
Shimizu et al., "Hyperbolic Neural Networks++", 2021) and `from_points` (offset p, normal a) build (W, w0, s).
As c -> 0 the logit becomes `4 (<a, v> - <a, p>)`.

`reference_logits` is the paper's own expansion with the reference implementation's projection of the Möbius
sum, which the closed form leaves out; checkpoints trained with it keep it.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from hypsegcli.geometry.poincare import EDGE, T_MAX

RadialLimit = Literal["hard", "smooth"]
Curvature = float | Tensor  # c > 0; a scalar tensor where it is learned


class Gyroplanes(NamedTuple):
    """M gyroplanes in Lorentz form."""

    W: Tensor  # (M, D) space part of the unit normal
    w0: Tensor  # (M,) time part
    scale: Tensor  # (M,) 2 |a| / sqrt(c)


def from_bias(normals: Tensor, bias: Tensor, *, c: Curvature) -> Gyroplanes:
    """Gyroplanes from normals a (M, D) and signed distances b (M,): `W = cosh(b) a / |a|`, `w0 = sinh(b)`."""
    length = torch.linalg.vector_norm(normals, dim=1)
    unit = normals / length.clamp_min(1e-15)[:, None]
    return Gyroplanes(bias.cosh()[:, None] * unit, bias.sinh(), (2.0 / c**0.5) * length)


def from_points(normals: Tensor, offsets: Tensor, *, c: float) -> Gyroplanes:
    """Gyroplanes from normals a (M, D) and offsets p (M, D), points inside the ball."""
    length = torch.linalg.vector_norm(normals, dim=1)
    unit = normals / length.clamp_min(1e-15)[:, None]
    along = (offsets * unit).sum(1) / (1.0 - c * offsets.square().sum(1))
    W = unit + (2.0 * c * along)[:, None] * offsets
    return Gyroplanes(W, 2.0 * math.sqrt(c) * along, (2.0 / math.sqrt(c)) * length)


def radial(v: Tensor, *, c: Curvature, t_max: float = T_MAX, limit: RadialLimit = "hard", dim: int = 1) -> Tensor:
    """`t = 2 sqrt(c) |v|`, held below `t_max`; the vector axis stays with length 1. `t / sqrt(c)` is the distance.

    `hard` cuts at `t_max`, as the projection to the ball's inside does: beyond it all pixels look alike and
    their gradient along the radius is zero. `smooth` is `t_max tanh(t / t_max)`, which keeps order and gradient.
    """
    return hold((2.0 * c**0.5) * torch.linalg.vector_norm(v, dim=dim, keepdim=True), t_max=t_max, limit=limit)


def hold(t: Tensor, *, t_max: float, limit: RadialLimit) -> Tensor:
    """A radius of any size below `t_max`, as in `radial`."""
    return t_max * torch.tanh(t / t_max) if limit == "smooth" else t.clamp_max(t_max)


def closed_form_logits(v: Tensor, planes: Gyroplanes, t: Tensor, *, c: Curvature) -> Tensor:
    """Logits (B, M, h, w) of tangent vectors v (B, D, h, w) whose held radius is t (B, 1, h, w).

    Never forms the Lorentz coordinates: sinh(t) / |v| multiplies the product `<W, v>`. At the origin that factor
    is its limit, 2 sqrt(c), so the gradient is right there too.
    """
    length = torch.linalg.vector_norm(v, dim=1, keepdim=True)
    at_origin = length == 0.0
    gain = torch.where(at_origin, 2.0 * c**0.5, t.sinh() / torch.where(at_origin, 1.0, length))
    product = F.conv2d(v, planes.W[:, :, None, None])
    argument = gain * product - planes.w0[:, None, None] * t.cosh()
    return planes.scale[:, None, None] * torch.asinh(argument)


def reference_logits(z: Tensor, normals: Tensor, offsets: Tensor, *, c: float) -> Tensor:
    """Logits (B, M, h, w) of ball points z (B, D, h, w), as the reference implementation computes them.

    The Möbius sum `m = -p (+) z` is never formed: |m|^2 and <m, a> follow from <p, z>, <a, z>, |p|^2 and |z|^2.
    Where |m| would pass `(1 - 1e-3) / sqrt(c)` it is projected back. Unlike the reference, |m|^2 cannot turn
    negative by rounding (there, a pixel that sits on an offset gets a random sign and magnitude).
    """
    scale = reference_scale(normals, c=c)[:, None, None]
    logits: Tensor = scale * torch.asinh(reference_arguments(z, normals, offsets, c=c))
    return logits


def reference_scale(normals: Tensor, *, c: float) -> Tensor:
    """What `reference_logits` multiplies asinh by: (M,) of normals (M, D)."""
    scale: Tensor = (2.0 / math.sqrt(c)) * torch.linalg.vector_norm(normals, dim=1)
    return scale


def reference_arguments(z: Tensor, normals: Tensor, offsets: Tensor, *, c: float) -> Tensor:
    """What `reference_logits` takes asinh of, (B, M, h, w)."""
    unit = F.normalize(normals, dim=1, eps=1e-15)
    pz = -F.conv2d(z, offsets[:, :, None, None])
    az = F.conv2d(z, unit[:, :, None, None])
    zz = z.square().sum(1, keepdim=True)
    pp = offsets.square().sum(1)[:, None, None]
    pa = -(offsets * unit).sum(1)[:, None, None]

    denominator = (1.0 + 2.0 * c * pz + c * c * zz * pp).clamp_min(1e-15)
    alpha = (1.0 + 2.0 * c * pz + c * zz) / denominator
    beta = (1.0 - c * pp) / denominator
    mm = (alpha.square() * pp + beta.square() * zz + 2.0 * alpha * beta * pz).clamp_min(0.0)
    ma = beta * az + alpha * pa

    limit = (1.0 - EDGE) ** 2 / c
    outside = mm > limit
    shrink = torch.where(outside, (limit / torch.where(outside, mm, torch.ones_like(mm))).sqrt(), 1.0)
    conformal = 2.0 / (1.0 - c * mm.clamp_max(limit))
    argument: Tensor = math.sqrt(c) * shrink * ma * conformal
    return argument
