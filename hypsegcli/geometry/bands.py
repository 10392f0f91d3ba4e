"""Hyperbolic logits where no gradient is asked for: a band of pixels at a time, in little more than their own memory.

What `mlr` writes as formulas is done here in place, in channels-last memory (a pixel's vector in one piece), while a
band is in the cache: one matrix product, and passes over it of which only a logarithm and a root cost anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from hypsegcli.geometry.mlr import Curvature, Gyroplanes, RadialLimit, hold, reference_arguments, reference_scale
from hypsegcli.geometry.poincare import EDGE, T_MAX, exp_map_zero, project

# Of a band's vectors and logits: on a CPU what stays near the cache and is still worth two threads, by measurement;
# elsewhere so much that starting kernels costs nothing.
_CPU_BYTES, _OTHER_BYTES = 2**22, 2**27

# Up to which scale a logit may carry a rounding of 1 that is multiplied by it, and up to which size an argument can be
# squared in float32.
_SCALE, _SQUARED = 64.0, 1e18


def closed_form_in_bands(
    v: Tensor,
    planes: Gyroplanes,
    *,
    c: Curvature,
    t_max: float = T_MAX,
    limit: RadialLimit = "hard",
    budget: int | None = None,
) -> tuple[Tensor, Tensor]:
    """What `closed_form_logits` and `radial` say of v (B, D, h, w): logits (B, M, h, w), and t (B, 1, h, w).

    Without gradient. Logits lie in channels-last memory, as v should. `budget` is how many bytes a band may have; None:
    what is fastest on the device.
    """
    B, _, h, w = v.shape
    logits, held = v.new_empty((B, h, w, len(planes.W))), v.new_empty((B, h, w, 1))
    # |<W, xs> - w0 x0| is at most |W| sinh(t) + |w0| cosh(t), and |W|^2 = 1 + w0^2.
    short = v.is_cpu and _is_short(planes.scale, (1.0 + planes.w0.abs().amax()) * math.exp(min(t_max, 80.0)))
    for x, found, t in _bands(v, logits, held, budget=budget):
        length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
        t.copy_(hold((2.0 * c**0.5) * length, t_max=t_max, limit=limit))
        # sinh and cosh from one exponential, without the cancellation of e^t - e^-t near zero.
        less = t.expm1()
        more = less + 1.0
        sinh, cosh = 0.5 * (less + less / more), 0.5 * (more + 1.0 / more)
        torch.mm(x, planes.W.t(), out=found)
        found.mul_(sinh / length.clamp_min(torch.finfo(v.dtype).tiny))
        found.addcmul_(planes.w0, cosh, value=-1.0)
        scaled_asinh_(found, planes.scale, short=short)
    return logits.permute(0, 3, 1, 2), held.permute(0, 3, 1, 2)


def reference_in_bands(
    v: Tensor, normals: Tensor, offsets: Tensor, *, c: float, edge: float = EDGE, budget: int | None = None
) -> Tensor:
    """What `reference_logits` says of the projected points of v (B, D, h, w): logits (B, M, h, w), without gradient."""
    B, _, h, w = v.shape
    logits, scale = v.new_empty((B, h, w, len(normals))), reference_scale(normals, c=c)
    short = v.is_cpu and _is_short(scale, torch.tensor(2.0 / EDGE))  # what it projects reaches no further
    for x, found in _bands(v, logits, budget=budget):
        z = project(exp_map_zero(x, c=c), c=c, edge=edge).view(1, -1, w, x.shape[1]).permute(0, 3, 1, 2)
        found.view(1, -1, w, len(normals)).copy_(reference_arguments(z, normals, offsets, c=c).permute(0, 2, 3, 1))
        scaled_asinh_(found, scale, short=short)
    return logits.permute(0, 3, 1, 2)


def scaled_asinh_(x: Tensor, scale: Tensor, *, short: bool) -> None:
    """Make x (n, M) `scale asinh(x)`, in place, for a scale (M,), not negative.

    `short`: from `log(|x| + sqrt(x^2 + 1))`, with an absolute error of a rounding of 1 before it is scaled, where x can
    be squared. On a CPU torch's asinh, exact to the last digit of a small result, takes five times as long.
    """
    if not short:
        x.asinh_().mul_(scale)
        return
    found = torch.addcmul(x.new_ones(()), x, x).sqrt_()
    found.add_(x.abs()).log_().mul_(scale)
    torch.copysign(found, x, out=x)


def _is_short(scale: Tensor, largest: Tensor) -> bool:
    """Whether the short way is good enough for a scale (M,) and arguments up to `largest`.

    Towards a flat space it is not: scales then grow as arguments shrink.
    """
    return bool(scale.amax() <= _SCALE) and bool(largest <= _SQUARED)


def _bands(v: Tensor, *planes: Tensor, budget: int | None) -> Iterator[tuple[Tensor, ...]]:
    """Vectors (n, D) of pixels, and the places (n, C) in planes (B, h, w, C) for what is found about them."""
    _, D, h, w = v.shape
    if budget is None:
        budget = _CPU_BYTES if v.is_cpu else _OTHER_BYTES
    rows = max(1, budget // (v.element_size() * w * (D + 2 * planes[0].shape[3])))
    for image, *places in zip(v.permute(0, 2, 3, 1), *planes, strict=True):
        for start in range(0, h, rows):
            part = slice(start, start + rows)
            yield image[part].reshape(-1, D), *(place[part].view(-1, place.shape[2]) for place in places)
