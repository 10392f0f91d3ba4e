"""The figure of the disk, mark by mark."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hypsegcli.pictures.disk.figure import Disk, Geodesic, Ring, disk_figure
from hypsegcli.pictures.drawing.figure import FAINT, WHITE, Circle, Figure, Line, Picture, Text, text_width

PALETTE = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200], [9, 9, 9]], np.uint8)
R = 500.0


def diameter(name: str, degrees: float, *, inner: bool = False, color: tuple[int, int, int] = (200, 0, 0)) -> Geodesic:
    """A straight gyroplane, whose positive side is on the left as it runs."""
    x, y = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    path = np.linspace(-1, 1, 21)[:, None] * np.array([[x, y]])
    return Geodesic(name, color, inner, path, np.tile([[-y, x]], (21, 1)))


def disk(**changes: Any) -> Disk:
    rng = np.random.default_rng(0)
    plain = Disk(
        points=rng.uniform(-0.6, 0.6, (50, 2)),
        classes=np.array([2] * 30 + [0] * 20),
        names=("sky", "road", "car"),
        palette=PALETTE,
        geodesics=(diameter("sky", 20.0), diameter("plants", 100.0, inner=True, color=FAINT)),
        rings=(Ring(0.5, "1"), Ring(0.8, "2")),
        limit=None,
        caption="a caption",
        photograph=np.zeros((30, 40, 3), np.uint8),
    )
    return replace(plain, **changes)


def texts(figure: Figure) -> dict[str, Text]:
    return {mark.words: mark for mark in figure.marks if isinstance(mark, Text)}


def centre(figure: Figure) -> tuple[float, float]:
    """From the rim, the only circle of that size."""
    (rim,) = (mark for mark in figure.marks if isinstance(mark, Circle) and mark.radius == R)
    return rim.x, rim.y


def test_geodesics_lie_in_the_disk_with_y_upwards() -> None:
    figure = disk_figure(disk())
    x, y = centre(figure)
    lines = [mark for mark in figure.marks if isinstance(mark, Line) and len(mark.points) == 21]
    assert [(line.color == WHITE, line.dash is None) for line in lines] == [
        (True, True), (False, False), (True, True), (False, True),
    ]  # fmt: skip
    start, end = lines[-1].points[[0, -1]]
    assert start.tolist() == pytest.approx([x - R * math.cos(math.radians(20)), y + R * math.sin(math.radians(20))])
    assert end.tolist() == pytest.approx([x + R * math.cos(math.radians(20)), y - R * math.sin(math.radians(20))])
    assert lines[-1].color == (200, 0, 0)
    assert lines[2].width > lines[3].width > lines[1].width


def test_ticks_point_to_the_positive_side() -> None:
    figure = disk_figure(disk(geodesics=[diameter("sky", 0.0)]))
    x, y = centre(figure)
    ticks = [m for m in figure.marks if isinstance(m, Line) and len(m.points) == 2 and m.points[0, 0] > x - R - 1]
    feet = [tick.points[0] for tick in ticks[-3:]]
    np.testing.assert_allclose(feet, [[x - 0.8 * R, y], [x, y], [x + 0.8 * R, y]], atol=1e-6)
    assert all(tick.points[1, 1] < y - 5 for tick in ticks), "upwards"


def test_rings_and_pixels_share_the_centre() -> None:
    figure = disk_figure(disk(limit=Ring(0.9, "limit 3")))
    x, y = centre(figure)
    around = [mark for mark in figure.marks if isinstance(mark, Circle) and (mark.x, mark.y) == (x, y)]
    assert sorted(circle.radius for circle in around) == [2.5, 0.5 * R, 0.8 * R, 0.9 * R, R]
    photograph, cloud = (mark for mark in figure.marks if isinstance(mark, Picture))
    assert (cloud.x + cloud.width / 2, cloud.y + cloud.height / 2) == pytest.approx((x, y))
    assert cloud.width == pytest.approx(2 * R * 1.01)
    assert photograph.x + photograph.width < cloud.x


def test_rings_are_labelled_where_no_pixels_are() -> None:
    angle = np.radians(np.concatenate([np.linspace(-160, 160, 400), [150.0] * 9]))
    points = 0.7 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    figure = disk_figure(disk(points=points, classes=np.zeros(409, np.intp), limit=Ring(0.9, "limit 3")))
    x, y = centre(figure)
    found = texts(figure)
    assert found["1"].halo
    assert found["1"].x == pytest.approx(x - 0.5 * R)
    assert found["2"].x == pytest.approx(x - 0.8 * R)
    assert abs(found["2"].y - y) < 8
    assert math.hypot(found["limit 3"].x - x, found["limit 3"].y - 5.6 - y) == pytest.approx(0.9 * R, abs=1)
    assert found["limit 3"].y > y + 100, "at 210 degrees, since more pixels are at 150"


def names_on_the_right(figure: Figure) -> dict[str, Text]:
    """Those of the disk, and not of the legend."""
    x, _ = centre(figure)
    return {mark.words: mark for mark in figure.marks if isinstance(mark, Text) and mark.x > x - R - 80}


def test_classes_are_named_beside_their_points_and_lines_without_any_at_their_ends() -> None:
    rng = np.random.default_rng(0)
    near_the_rim = np.array([0.0, -0.97]) + rng.normal(0, 0.01, (40, 2))
    inside = np.array([0.3, 0.2]) + rng.normal(0, 0.02, (30, 2))
    spokes = [diameter("sky", 0.0), diameter("road", 20.0), diameter("car", 90.0), diameter("all", 45.0, inner=True)]
    figure = disk_figure(
        disk(
            points=np.concatenate([near_the_rim, inside]),
            classes=np.array([0] * 40 + [2] * 30),
            geodesics=spokes,
            limit=Ring(0.999, "limit 7.6"),
        )
    )
    x, y = centre(figure)
    found = names_on_the_right(figure)
    assert found["sky"].y > y + R, "at the bottom, where its points are, and not at an end of its line"
    assert (found["car"].x - x, y - found["car"].y) == pytest.approx((0.3 * R, 0.2 * R), abs=0.06 * R)
    assert found["car"].halo
    assert {words: found[words].color for words in ("sky", "car", "road", "all")} == {
        "sky": (40, 40, 40), "car": (40, 40, 40), "road": FAINT, "all": FAINT,
    }  # fmt: skip
    for words, degrees in (("road", 20.0), ("all", 45.0)):
        at = math.hypot(found[words].x - x, found[words].y - y)
        assert R < at < 1.1 * R
        angle = math.degrees(math.atan2(y - found[words].y, found[words].x - x)) % 180
        assert angle == pytest.approx(degrees, abs=5)
    limit = found["limit 7.6"]
    assert math.hypot(limit.x - x, limit.y - y) > R, "it passes for the rim and is named there"
    rims = [mark for mark in figure.marks if isinstance(mark, Circle) and mark.radius > 0.9 * R]
    assert [rim.radius for rim in rims] == [R]


def test_rings_too_close_for_letters_are_labelled_side_by_side() -> None:
    figure = disk_figure(disk(rings=(Ring(0.9, "3"), Ring(0.96, "4"), Ring(0.985, "5"))))
    boxes = [
        (mark.x, mark.y, text_width(mark.words, mark.size) / 2)
        for mark in figure.marks
        if isinstance(mark, Text) and mark.words in {"3", "4", "5"}
    ]
    assert len(boxes) == 3
    for (x, y, half), (other_x, other_y, other_half) in pairwise(boxes):
        assert abs(x - other_x) > half + other_half or abs(y - other_y) > 15


def test_nothing_leaves_the_figure_and_no_name_meets_another() -> None:
    names = [f"a rather long name {index:02d}" for index in range(24)]
    spokes = [diameter(name, 7.0 * index, inner=index > 12) for index, name in enumerate(names)]
    figure = disk_figure(disk(geodesics=spokes, photograph=None))
    boxes = []
    for mark in figure.marks:
        if isinstance(mark, Text):
            width = text_width(mark.words, mark.size)
            left = mark.x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor]
            assert left >= 0, mark
            assert left + width <= figure.width, mark
            assert mark.size < mark.y < figure.height, mark
            if mark.words in names:
                boxes.append((left, left + width, mark.y))
                assert mark.color == FAINT, "no points have that name, the line alone has it"
    assert len(boxes) == 24
    for (left, right, y), (other_left, other_right, other_y) in pairwise(sorted(boxes, key=lambda box: box[2])):
        assert right < other_left or other_right < left or abs(y - other_y) > 18
    x, y = centre(figure)
    for left, right, base in boxes:
        near = min(max(x, left), right), base - 6
        assert math.hypot(near[0] - x, near[1] - y) > R, "a name lies on the disk"


def test_the_legend_lists_classes_by_share() -> None:
    figure = disk_figure(disk())
    found = texts(replace(figure, marks=tuple(mark for mark in figure.marks if getattr(mark, "x", 0) < 600)))
    assert found["60.0 %"].y == found["car"].y < found["40.0 %"].y
    assert "road" not in found
    behind = disk_figure(disk(background=2))
    last = texts(replace(behind, marks=tuple(mark for mark in behind.marks if getattr(mark, "x", 0) < 600)))
    assert last["60.0 %"].y == last["car"].y > last["40.0 %"].y, "the background is last"
    dots = [mark for mark in figure.marks if isinstance(mark, Circle) and mark.radius == 8.0]
    assert [dot.fill for dot in dots] == [(0, 0, 200), (200, 0, 0)]
    assert "a caption" in texts(figure)
    assert "inner node of the class tree" in found
    assert "inner node of the class tree" not in texts(disk_figure(disk(geodesics=[diameter("sky", 0.0)])))
