"""Names around the disk: none over another, none farther from its line than it must be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from hypsegcli.pictures.disk.rim import rim_names, spread

AWAY = 1.04


def ends(*pairs: tuple[float, float]) -> list[NDArray[np.float64]]:
    """Both ends of lines, from angles in degrees."""
    return [np.stack([np.cos(np.radians(pair)), np.sin(np.radians(pair))], axis=1) for pair in pairs]


@settings(deadline=None)
@given(st.lists(st.floats(-1.0, 1.0), max_size=12), st.floats(0.01, 0.15))
def test_positions_keep_their_distance_and_move_as_little_as_can_be(wanted: list[float], gap: float) -> None:
    wanted.sort()
    found = spread(wanted, gap=gap, low=-1.0, high=1.0)
    assert len(found) == len(wanted)
    if not found:
        return
    assert min(np.diff(found), default=gap) >= gap - 1e-12
    assert min(found) >= -1.0 - 1e-12
    assert max(found) <= 1.0 + 1e-12
    shift = gap * np.arange(len(wanted))
    room = IsotonicRegression(y_min=-1.0, y_max=1.0 - shift[-1])
    expected = room.fit_transform(np.arange(len(wanted)), np.array(wanted) - shift) + shift
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_what_has_room_stays() -> None:
    assert spread([-0.5, 0.1, 0.3], gap=0.2, low=-1.0, high=1.0) == pytest.approx([-0.5, 0.1, 0.3])
    assert spread([0.0, 0.1], gap=0.2, low=-1.0, high=1.0) == pytest.approx([-0.05, 0.15])
    assert spread([0.95, 1.0], gap=0.2, low=-1.0, high=1.0) == pytest.approx([0.8, 1.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-180, 180)), max_size=30), st.floats(0.04, 0.2))
def test_names_stand_outside_the_disk_and_apart(pairs: list[tuple[float, float]], gap: float) -> None:
    lines = ends(*pairs)
    names = rim_names(lines, gap=gap)
    room = 2 * (math.floor(2 * AWAY / gap) + 1)
    assert len({name.number for name in names}) == len(names)
    if len(pairs) * 2 <= room:
        assert len(names) == len(pairs)
    for name in names:
        assert name.end in [tuple(end) for end in lines[name.number].tolist()]
        assert math.hypot(name.x, name.y) == pytest.approx(AWAY, abs=1e-9)
        assert (name.x >= 0) == (name.end[0] >= 0) or name.x == 0
        leader = name.leader()
        np.testing.assert_allclose(leader[0], name.end, atol=1e-12)
        np.testing.assert_allclose(leader[-1], (name.x, name.y), atol=1e-12)
        assert np.linalg.norm(leader, axis=1).min() >= 1.0 - 1e-12
        assert np.linalg.norm(np.diff(leader, axis=0), axis=1).max() < 0.5
    for right in (False, True):
        heights = sorted(name.y for name in names if name.right is right)
        assert min(np.diff(heights), default=gap) >= gap - 1e-9


def test_a_leader_takes_the_short_way_round() -> None:
    (name,) = rim_names(ends((179.0, 179.0)), gap=0.1)
    moved = name._replace(y=-0.05, x=-math.sqrt(AWAY**2 - 0.05**2))
    assert (moved.leader()[:, 0] < -0.99).all()


def test_each_line_is_named_at_its_emptier_end() -> None:
    names = {name.number: name.end for name in rim_names(ends((0.0, 170.0), (5.0, 90.0), (100.0, 250.0)), gap=0.05)}
    assert names[0] == pytest.approx((1.0, 0.0))
    assert names[1] == pytest.approx((0.0, 1.0))
    assert names[2] == pytest.approx((math.cos(math.radians(250)), math.sin(math.radians(250))))


def test_names_in_no_mans_land_are_not_moved() -> None:
    names = rim_names(ends((30.0, 30.0), (200.0, 200.0)), gap=0.1)
    for name, degrees in zip(sorted(names, key=lambda name: name.number), (30.0, 200.0), strict=True):
        assert math.degrees(math.atan2(name.y, name.x)) % 360 == pytest.approx(degrees)


def test_the_least_important_go_without_a_name_where_there_is_no_room() -> None:
    lines = ends(*[(angle, angle + 180.0) for angle in np.linspace(-80, 80, 30)])
    names = rim_names(lines, gap=0.2)
    assert sorted(name.number for name in names) == list(range(22))
    one_sided = ends(*[(angle, angle / 2) for angle in np.linspace(-80, 80, 30)])
    assert sorted(name.number for name in rim_names(one_sided, gap=0.2)) == list(range(11))
    assert sorted(name.number for name in rim_names([*one_sided, *ends((100.0, 90.0))], gap=0.2)) == [*range(11), 30]
