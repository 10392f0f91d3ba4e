"""Laws of the Poincaré disk as a picture: gyroplanes are geodesics of logit 0, rings are circles of one distance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.geometry.disk import disk_points, geodesic, positive_side, ring_distances, ring_radius
from hypsegcli.geometry.mlr import Gyroplanes, closed_form_logits, from_bias, from_points
from hypsegcli.geometry.poincare import distance, distance_to_origin, exp_map_zero

CURVATURES = (0.1, 1.0, 3.0)
BIASES = (0.0, 1e-9, -0.3, 0.7, 2.5, -4.0)

law = pytest.mark.parametrize("c", CURVATURES)
tilted = pytest.mark.parametrize("b", BIASES)


def planes_of(b: float, angle: float, *, c: float) -> Gyroplanes:
    normals = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64) * 0.8
    return from_bias(normals, torch.tensor([b], dtype=torch.float64), c=c)


def logits_at(u: np.ndarray, planes: Gyroplanes, *, c: float) -> np.ndarray:
    """(n,) logits of points (n, 2) of the unit disk."""
    length = np.linalg.norm(u, axis=1, keepdims=True)
    v = u / np.where(length == 0.0, 1.0, length) * np.arctanh(length) / math.sqrt(c)
    t = 2.0 * torch.from_numpy(np.arctanh(length.ravel()))
    maps = torch.from_numpy(v.T[None, :, None])
    return closed_form_logits(maps, planes, t[None, None, None], c=c).numpy().ravel()


@law
@tilted
def test_the_logit_is_zero_on_a_geodesic_and_positive_on_its_positive_side(c: float, b: float) -> None:
    planes = planes_of(b, 2.1, c=c)
    W, w0 = planes.W[0].numpy(), float(planes.w0[0])
    path = geodesic(W, w0, count=41)[1:-1]
    np.testing.assert_allclose(logits_at(path, planes, c=c), 0.0, atol=1e-9)
    side = positive_side(W, w0, path)
    step = 0.01 * (1.0 - np.linalg.norm(path, axis=1, keepdims=True))
    assert (logits_at(path + step * side, planes, c=c) > 1e-4).all()
    assert (logits_at(path - step * side, planes, c=c) < -1e-4).all()
    np.testing.assert_allclose(np.linalg.norm(side, axis=1), 1.0, atol=1e-9)
    tangent = path[2:] - path[:-2]
    assert np.abs((tangent * side[1:-1]).sum(1)).max() < 2e-2 * np.linalg.norm(tangent, axis=1).max()


@law
def test_a_gyroplane_through_a_point_has_its_geodesic_through_it(c: float) -> None:
    offset = torch.tensor([[0.5, -0.3]], dtype=torch.float64) / math.sqrt(c)
    planes = from_points(torch.tensor([[0.2, 0.9]], dtype=torch.float64), offset, c=c)
    path = geodesic(planes.W[0].numpy(), float(planes.w0[0]), count=20001)
    nearest = path[np.linalg.norm(path - [0.5, -0.3], axis=1).argmin()]
    np.testing.assert_allclose(nearest, [0.5, -0.3], atol=1e-4)


@tilted
@pytest.mark.parametrize("angle", [0.0, 1.0, 4.0])
def test_it_is_a_circle_that_meets_the_rim_at_right_angles(b: float, angle: float) -> None:
    planes = planes_of(b, angle, c=1.0)
    W, w0 = planes.W[0].numpy(), float(planes.w0[0])
    path = geodesic(W, w0)
    assert path.shape == (129, 2)
    np.testing.assert_allclose(np.linalg.norm(path[[0, -1]], axis=1), 1.0, rtol=1e-12)
    assert (np.linalg.norm(path[1:-1], axis=1) < 1.0).all()
    if abs(w0) > 1e-3:
        center, radius = W / w0, 1.0 / abs(w0)
        np.testing.assert_allclose(np.linalg.norm(path - center, axis=1), radius, rtol=1e-9)
        np.testing.assert_allclose((path[[0, -1]] * (path[[0, -1]] - center)).sum(1), 0.0, atol=1e-9)
    else:
        np.testing.assert_allclose(path @ W, 0.0, atol=1e-8)
        np.testing.assert_allclose(path[64], 0.0, atol=1e-8)


@tilted
def test_it_is_the_shortest_way_and_its_middle_is_next_to_the_origin(b: float) -> None:
    planes = planes_of(b, 0.4, c=1.0)
    path = torch.from_numpy(geodesic(planes.W[0].numpy(), float(planes.w0[0])))[8:-8]
    steps = distance(path[1:], path[:-1], c=1.0).sum()
    torch.testing.assert_close(steps, distance(path[0], path[-1], c=1.0), rtol=1e-7, atol=0.0)
    middle = distance_to_origin(path[56], c=1.0)
    torch.testing.assert_close(middle, torch.tensor(abs(b), dtype=torch.float64), rtol=1e-7, atol=1e-12)


def test_it_runs_from_right_to_left_as_seen_along_its_normal() -> None:
    path = geodesic(np.array([0.0, 1.0]), 0.0)
    np.testing.assert_allclose(path[[0, -1]], [[1.0, 0.0], [-1.0, 0.0]], atol=1e-15)


def test_the_samples_are_even_enough_to_look_round() -> None:
    for b in BIASES:
        planes = planes_of(b, 0.0, c=1.0)
        path = geodesic(planes.W[0].numpy(), float(planes.w0[0]))
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        assert steps.max() < 2.01 * steps.min()
        assert steps.max() < 0.03


@law
@pytest.mark.parametrize("far", [0.0, 1e-30, 0.3, 2.0, 7.0])
def test_a_point_lies_at_its_distance_in_its_direction(c: float, far: float) -> None:
    v = np.array([[3.0, -4.0], [1e-20, 1e-20], [0.0, 2.0]])
    u = disk_points(v, np.full(3, far), c=c)
    z = torch.from_numpy(u / math.sqrt(c))
    np.testing.assert_allclose(distance_to_origin(z, c=c), far, rtol=1e-9, atol=1e-29)
    np.testing.assert_allclose(u[0] * 5.0, [3.0 * np.linalg.norm(u[0]), -4.0 * np.linalg.norm(u[0])], rtol=1e-12)
    assert u.dtype == np.float64


@law
def test_an_unlimited_point_is_the_exponential_map(c: float) -> None:
    v = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(np.float32)
    u = disk_points(v, 2.0 * np.linalg.norm(v, axis=-1), c=c)
    z = exp_map_zero(torch.from_numpy(v).double(), c=c).numpy()
    np.testing.assert_allclose(u, math.sqrt(c) * z, rtol=1e-6)


def test_a_point_without_direction_is_the_origin() -> None:
    np.testing.assert_array_equal(disk_points(np.zeros((1, 2)), np.array([3.0]), c=1.0), [[0.0, 0.0]])


@law
@pytest.mark.parametrize("far", [0.5, 3.0])
def test_a_ring_is_the_circle_of_one_distance(c: float, far: float) -> None:
    z = torch.tensor([0.0, ring_radius(far, c=c)], dtype=torch.float64) / math.sqrt(c)
    assert float(distance_to_origin(z, c=c)) == pytest.approx(far, rel=1e-12)


@pytest.mark.parametrize(
    ("limit", "c", "expected"),
    [
        (7.6, 1.0, (1, 2, 3, 4, 5)),
        (3.0, 1.0, (1, 2)),
        (3.001, 1.0, (1, 2, 3)),
        (76.0, 0.01, (10, 20, 30, 40, 50)),
        (24.0, 0.1, (2, 4, 6, 8, 10)),
        (0.76, 100.0, (0.1, 0.2, 0.3, 0.4, 0.5)),
        (4.0, 4.0, (0.5, 1, 1.5, 2, 2.5)),
        (0.9, 1.0, ()),
    ],
)
def test_rings_are_round(limit: float, c: float, expected: tuple[float, ...]) -> None:
    assert ring_distances(limit, c=c) == expected


@settings(deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(0.1, 20.0))
def test_rings_can_be_told_apart(c: float, t_max: float) -> None:
    limit = t_max / math.sqrt(c)
    found = ring_distances(limit, c=c)
    radii = [0.0, *(ring_radius(far, c=c) for far in found)]
    assert len(found) <= 5
    assert all(far < limit for far in found)
    assert min(np.diff(radii), default=1.0) >= 0.02
    if t_max > 5.0:
        assert len(found) >= 3
