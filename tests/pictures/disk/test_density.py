"""The cloud of points, read back cell by cell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.pictures.disk.density import EXTENT, density

PALETTE = np.array([[255, 0, 0], [0, 200, 0], [0, 0, 150]], np.uint8)
SINGLE = round(0.65 * 255)


def drawn(points: list[tuple[float, float]], classes: list[int]) -> NDArray[np.uint8]:
    return density(np.array(points, np.float64).reshape(-1, 2), np.array(classes, np.intp), PALETTE)


def cell(found: NDArray[np.uint8], x: float, y: float) -> list[int]:
    side = len(found)
    color: list[int] = found[int((EXTENT - y) / (2 * EXTENT) * side), int((x + EXTENT) / (2 * EXTENT) * side)].tolist()
    return color


def middle(found: NDArray[np.uint8]) -> tuple[float, float]:
    """x and y of the centre of all opacity, in the disk."""
    weight = found[..., 3].astype(float)
    at = (np.arange(len(found)) + 0.5) / len(found) * 2 * EXTENT - EXTENT
    return float((weight.sum(0) * at).sum() / weight.sum()), -float((weight.sum(1) * at).sum() / weight.sum())


@pytest.mark.parametrize("point", [(0.0, 0.0), (0.5, 0.25), (-0.9, 0.3), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)])
def test_a_single_point_is_a_whole_round_dot_at_its_place(point: tuple[float, float]) -> None:
    found = drawn([point], [1])
    assert middle(found) == pytest.approx(point, abs=EXTENT / len(found) + 1e-9)
    assert cell(found, *point) == [0, 200, 0, SINGLE]
    assert found[..., 3].sum() == drawn([(0.3, 0.3)], [1])[..., 3].sum()
    rows, columns = np.nonzero(found[..., 3])
    assert np.ptp(rows) == np.ptp(columns) == 4
    assert len(rows) == 21, "the corners of the square are left out"


def test_most_dots_win_and_equal_ones_leave_the_first() -> None:
    assert cell(drawn([(0, 0)] * 5, [2, 1, 2, 0, 2]), 0, 0)[:3] == [0, 0, 150]
    assert cell(drawn([(0, 0)] * 4, [2, 1, 1, 2]), 0, 0)[:3] == [0, 200, 0]


def test_opacity_grows_with_the_logarithm_of_the_crowd() -> None:
    crowds = {-0.5: 1, -0.2: 2, 0.2: 10, 0.5: 100}
    points = [(x, 0.0) for x, count in crowds.items() for _ in range(count)]
    found = drawn(points, [0] * len(points))
    for x, count in crowds.items():
        expected = 0.65 + 0.35 * math.log(count) / math.log(100)
        assert cell(found, x, 0.0)[3] == pytest.approx(255 * expected, abs=0.51)


def test_classes_crowd_together() -> None:
    found = drawn([(0, 0)] * 6 + [(0.5, 0)] * 3, [0, 0, 1, 1, 2, 0, 0, 0, 0])
    assert cell(found, 0, 0)[3] == 255
    assert cell(found, 0.5, 0)[3] == pytest.approx(255 * (0.65 + 0.35 * math.log(3) / math.log(6)), abs=0.51)


def test_nothing_is_drawn_where_nothing_is() -> None:
    assert not drawn([], [])[..., 3].any()
    assert not drawn([(0.5, 0.5)], [0])[:200, :200, 3].any()


def test_the_order_of_points_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    points, classes = rng.uniform(-0.1, 0.1, (3000, 2)), rng.integers(0, 3, 3000)
    order = rng.permutation(3000)
    first, second = density(points, classes, PALETTE), density(points[order], classes[order], PALETTE)
    np.testing.assert_array_equal(first, second)
    assert len(np.unique(first[first[..., 3] > 0][:, :3], axis=0)) == 3
