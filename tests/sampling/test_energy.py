"""The closed form against the equations that it solves, a table by hand, and the laws of a least energy."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.places import energy, uniform_places

from hypsegcli.sampling.edges import label_edges, nearest_edge
from hypsegcli.sampling.energy import best_places

SIZES = [(24, 32), (5, 5), (3, 9), (9, 3)]


def nearest(size: tuple[int, int], seed: int = 0) -> NDArray[np.float64]:
    """Of what is as irregular as labels get."""
    edges = np.random.default_rng(seed).random((60, 80)) < 0.02
    return nearest_edge(edges, size)


def direct(target: NDArray[np.float64], strength: float, pinned: int) -> NDArray[np.float64]:
    """One coordinate from all of its equations at once, one a node."""
    h, w = target.shape
    matrix, right = np.zeros((h * w, h * w)), np.zeros(h * w)
    for i in range(h):
        for j in range(w):
            k, along, last = i * w + j, (i, j)[pinned], target.shape[pinned] - 1
            if along in (0, last):
                matrix[k, k], right[k] = 1, along / last
                continue
            matrix[k, k], right[k] = 1, target[i, j]
            for y, x in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if 0 <= y < h and 0 <= x < w:
                    matrix[k, k] += strength
                    matrix[k, y * w + x] -= strength
    return np.linalg.solve(matrix, right).reshape(h, w)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("strength", [0.1, 1.0, 30.0])
def test_the_closed_form_solves_the_equations(size: tuple[int, int], strength: float) -> None:
    near = nearest(size)
    places = best_places(near, strength)
    for axis in (0, 1):
        np.testing.assert_allclose(places[..., axis], direct(near[..., axis], strength, axis), atol=1e-13)


def test_two_classes_that_meet_beside_a_node_are_those_worked_out_by_hand() -> None:
    labels = np.zeros((101, 101), int)
    labels[:, 26:] = 1  # 3a = .25 + b, 3b = a + .26 + c, 3c = b + 1.26
    places = best_places(nearest_edge(label_edges(labels), (5, 5)), 1.0)
    np.testing.assert_allclose(places[2, :, 1], [0, 0.192381, 0.327143, 0.529048, 1], atol=5e-7)
    np.testing.assert_allclose(places[..., 0], uniform_places(5, 5)[..., 0], atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_without_bounds_to_smoothness_places_are_even(size: tuple[int, int]) -> None:
    np.testing.assert_allclose(best_places(nearest(size), 1e9), uniform_places(*size), atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_no_coordinate_falls_along_its_own_axis(seed: int, strength: float) -> None:
    places = best_places(nearest((24, 32), seed), strength)
    assert np.diff(places[..., 0], axis=0).min() > -1e-13
    assert np.diff(places[..., 1], axis=1).min() > -1e-13
    assert places.min() > -1e-13
    assert places.max() < 1 + 1e-13


def test_whatever_is_changed_costs_energy() -> None:
    near = nearest((12, 16))
    places = best_places(near, 1.0)
    least = energy(places, near, 1.0)
    assert least < energy(uniform_places(12, 16), near, 1.0)
    rng = np.random.default_rng(1)
    for _ in range(20):
        change = rng.normal(0, 0.01, places.shape)
        change[[0, -1], :, 0] = change[:, [0, -1], 1] = 0  # pinned
        more = energy(places + change, near, 1.0) - least
        # Of a quadratic at its least value, to the last term.
        assert more == pytest.approx(energy(change, np.zeros_like(change), 1.0), rel=1e-9)
