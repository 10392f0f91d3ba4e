"""Names on the disk: beside the crowd of their points, none over another, none beyond the rim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.pictures.disk.names import densest, inner_names


@pytest.mark.parametrize("at", [(0.0, 0.0), (0.5, -0.3), (-0.9, 0.4), (0.0, 0.999)])
def test_a_crowd_is_found_among_many_that_are_spread(at: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    spread = rng.uniform(-0.7, 0.7, (900, 2))
    crowd = np.array(at) + rng.normal(0, 0.02, (300, 2))
    crowd /= np.maximum(1.0, np.linalg.norm(crowd, axis=1, keepdims=True))
    assert math.dist(densest(np.concatenate([spread, crowd])), at) < 0.05


def test_a_cloud_counts_for_more_than_one_place_with_more_points() -> None:
    rng = np.random.default_rng(0)
    cloud = np.array([0.5, 0.5]) + rng.uniform(-0.05, 0.05, (400, 2))
    assert math.dist(densest(np.concatenate([cloud, np.tile([[-0.5, 0.0]], (150, 1))])), (0.5, 0.5)) < 0.1


@pytest.mark.parametrize("points", [[(0.3, 0.2)], [(1.0, 0.0)], [(-0.9, -0.1), (0.9, 0.1)], [(0.1, 0.0), (0.19, 0.0)]])
def test_of_few_points_it_is_one_of_them_or_between(points: list[tuple[float, float]]) -> None:
    found = densest(np.array(points))
    assert min(math.dist(found, point) for point in points) < 0.06


places = st.tuples(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7))


@settings(max_examples=50, deadline=None)
@given(st.lists(places, max_size=12), st.floats(0.02, 0.3))
def test_names_stand_apart_inside_the_disk(anchors: list[tuple[float, float]], width: float) -> None:
    sizes = [(width * (1 + index % 3), 0.04) for index in range(len(anchors))]
    found = inner_names([np.array(anchor) for anchor in anchors], sizes)
    assert len({name.number for name in found}) == len(found)
    for index, one in enumerate(found):
        wide, high = sizes[one.number]
        corners = [(one.x + dx * wide / 2, one.y + dy * high / 2) for dx in (-1, 1) for dy in (-1, 1)]
        assert max(math.hypot(*corner) for corner in corners) < 1.0
        assert math.dist((one.x, one.y), anchors[one.number]) < 0.57
        for other in found[:index]:
            apart_x = abs(one.x - other.x) - (wide + sizes[other.number][0]) / 2
            apart_y = abs(one.y - other.y) - (high + sizes[other.number][1]) / 2
            assert max(apart_x, apart_y) >= -1e-9


def test_a_name_that_has_room_stands_on_its_points_and_others_give_way() -> None:
    found = inner_names([np.array([0.2, 0.1])] * 3, [(0.1, 0.04)] * 3)
    assert (found[0].x, found[0].y) == pytest.approx((0.2, 0.1))
    for name in found[1:]:
        assert abs(name.x - 0.2) < 0.05
        assert 0.04 <= abs(name.y - 0.1) < 0.07
