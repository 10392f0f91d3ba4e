"""Distances in polar coordinates, against those of the ball and of flat space."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hypsegcli.geometry.poincare import distance, exp_map_zero
from hypsegcli.geometry.polar import euclidean_distance, hyperbolic_distance

RADII = (0.1, 1.0, 2.0, 4.0)


def points(seed: int, reach: float) -> Tensor:
    return reach * torch.randn(200, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def cosines(x: Tensor, y: Tensor) -> Tensor:
    return torch.cosine_similarity(x, y, dim=1)


@pytest.mark.parametrize("reach", [0.05, 0.5, 1.2])
def test_hyperbolic_distance_is_that_of_the_ball(reach: float) -> None:
    v, w = points(0, reach), points(1, reach)
    t, other = 2.0 * v.norm(dim=1), 2.0 * w.norm(dim=1)
    expected = distance(exp_map_zero(v, c=1.0), exp_map_zero(w, c=1.0), c=1.0)
    torch.testing.assert_close(hyperbolic_distance(t, other, cosines(v, w)), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(hyperbolic_distance(other, t, cosines(v, w)), expected, rtol=1e-9, atol=1e-9)


def test_euclidean_distance_is_that_between_vectors() -> None:
    v, w = points(0, 1.0), points(1, 1.0)
    found = euclidean_distance(v.norm(dim=1), w.norm(dim=1), cosines(v, w))
    torch.testing.assert_close(found, (v - w).norm(dim=1), rtol=1e-9, atol=1e-9)


def test_points_far_out_lie_at_themselves_in_float32() -> None:
    """By the law of cosines in its usual form some lie far away."""
    t, one = torch.linspace(7.0, 7.6, 100), torch.ones(100)
    usual = torch.acosh((t.cosh() * t.cosh() - t.sinh() * t.sinh() * one).clamp_min(1.0))
    assert usual.max() > 0.5
    assert hyperbolic_distance(t, t, one).max() < 1e-3


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("t", [0.1, 1.0, 4.0, 7.6])
def test_float32_is_near_float64_where_prototypes_lie(radius: float, t: float) -> None:
    angle = torch.logspace(-5, math.log10(math.pi), 300, dtype=torch.float64)
    exact = hyperbolic_distance(
        torch.tensor(t, dtype=torch.float64), torch.tensor(radius, dtype=torch.float64), angle.cos()
    )
    found = hyperbolic_distance(torch.tensor(t), torch.tensor(radius), angle.cos().float())
    assert (found - exact).abs().max() < 7e-3


def test_slopes_are_finite_where_points_meet() -> None:
    t, cosine = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    for function in (hyperbolic_distance, euclidean_distance):
        slopes = torch.autograd.grad(function(t, torch.tensor(2.0), cosine), [t, cosine])
        assert all(slope.isfinite() for slope in slopes)
