"""A figure in pixels: what is drawn where."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from support.figures import BLACK, RED, figure, pixels

from hypsegcli.pictures.drawing.figure import (
    Anchor,
    Circle,
    Line,
    Picture,
    Text,
    segment,
)
from hypsegcli.pictures.drawing.png import dashes, draw_figure, outline


def middle(dark: NDArray[np.float64]) -> tuple[float, float]:
    y, x = np.mgrid[: dark.shape[0], : dark.shape[1]] + 0.5
    return float((x * dark).sum() / dark.sum()), float((y * dark).sum() / dark.sum())


@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0, 3.0])
@pytest.mark.parametrize("width", [1.0, 2.2, 6.0])
def test_a_line_has_its_place_length_and_width(width: float, slope: float, scale: float) -> None:
    along = np.array([1.0, slope]) / math.hypot(1.0, slope)
    dark = pixels(
        segment((30.2 - 10 * along[0], 20.7 - 10 * along[1]), (30.2, 20.7) + 10 * along, BLACK, width), scale=scale
    )
    assert dark.shape == (40 * scale, 60 * scale)
    assert middle(dark) == pytest.approx((30.2 * scale, 20.7 * scale), abs=0.25)
    assert dark.sum() / (20 * scale) == pytest.approx(width * scale, abs=0.45)


def test_colours_are_kept_and_later_marks_cover_earlier_ones() -> None:
    found = draw_figure(figure(Circle(20, 20, 9, fill=BLACK), Circle(20, 20, 5, fill=RED)))
    assert found[20, 20].tolist() == [200, 0, 0]
    assert found[20, 27].tolist() == [0, 0, 0]
    assert found[2, 2].tolist() == [255, 255, 255]


def test_circles_are_filled_or_stroked_on_their_edge() -> None:
    filled = pixels(Circle(30.5, 20.25, 10, fill=BLACK))
    assert middle(filled) == pytest.approx((30.5, 20.25), abs=0.1)
    assert filled.sum() == pytest.approx(math.pi * 10.35**2, rel=0.03)  # OpenCV's smooth edges are 0.7 pixels wide
    stroked = pixels(Circle(30.5, 20.25, 10, stroke=BLACK, width=2.0))
    y, x = np.mgrid[:40, :60] + 0.5
    far = np.hypot(x - 30.5, y - 20.25)
    assert (stroked * far).sum() / stroked.sum() == pytest.approx(10.0, abs=0.2)
    assert stroked.sum() == pytest.approx(2 * math.pi * 10 * 2.0, rel=0.15)
    assert not stroked[far < 8].any()


def test_pictures_are_stretched_over_their_rectangle() -> None:
    cells = np.zeros((2, 3, 3), np.uint8)
    cells[1, 2] = 255
    dark = pixels(Picture(6, 4, 30, 20, cells))
    assert dark[5:9, 7:15].min() > 0.99
    assert 0.2 < dark[14, 30] < 0.9, "cells are not blended"
    assert dark[20:23, 32:35].max() < 0.05
    assert not dark[:4].any()
    assert not dark[:, :6].any()
    assert not dark[24:].any()
    assert not dark[:, 36:].any()


def test_transparent_pixels_let_the_ground_through_and_do_not_bleed() -> None:
    cells = np.zeros((4, 4, 4), np.uint8)  # transparent black
    cells[:, :2] = (255, 255, 255, 255)
    cells[0, 0, 3] = 128
    dark = pixels(Circle(20, 20, 60, fill=BLACK), Picture(10, 10, 20, 20, cells))
    assert dark[22:28, 12:16].max() < 0.02
    assert dark[22:28, 26:29].min() > 0.98
    bleed = pixels(Picture(10, 10, 20, 20, cells))
    assert bleed.max() < 0.02


@pytest.mark.parametrize(("anchor", "left", "right"), [("start", 30, 50), ("middle", 20, 40), ("end", 10, 30)])
def test_letters_stand_on_their_line_at_their_anchor(anchor: Anchor, left: int, right: int) -> None:
    dark = pixels(Text(30, 25, "EHE", 10, BLACK, anchor))
    rows, columns = np.nonzero(dark > 0.3)
    assert rows.max() == 24
    assert 16 <= rows.min() <= 19
    assert left <= columns.min() < columns.max() < right
    assert np.ptp(columns) > 10
    if anchor == "start":
        assert columns.min() <= 31
    if anchor == "end":
        assert columns.max() >= 28


def test_a_halo_keeps_the_ground_away_from_letters() -> None:
    ground = Circle(30, 20, 80, fill=BLACK)
    red = Text(30, 25, "H", 14, (200, 0, 0), "middle")
    plain, haloed = (draw_figure(figure(ground, text)) for text in (red, Text(30, 25, "H", 14, RED, "middle", True)))
    assert plain[..., 1].max() == 0
    assert haloed[..., 1].max() > 200
    assert (haloed[..., 0] > 250).sum() > 20


def test_letters_may_leave_the_figure() -> None:
    whole = pixels(Text(5, 20, "wide", 12, BLACK))
    assert whole[:, 8:60].sum() > 10
    np.testing.assert_array_equal(pixels(Text(-3, 20, "wide", 12, BLACK))[:, :50], whole[:, 8:58])
    np.testing.assert_array_equal(pixels(Text(5, 6, "wide", 12, BLACK))[:20], whole[14:34])
    for x, y in ((58, 20), (30, 45), (-200, -200), (500, 500), (5, -200)):
        assert pixels(Text(x, y, "wide words", 12, BLACK, halo=True)).shape == (40, 60)


def test_dashes_are_those_of_svg() -> None:
    path = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [4.0, 10.0]])
    parts = [part.tolist() for part in dashes(path, 3.0, 2.0)]
    assert parts == [
        [[0.0, 0.0], [3.0, 0.0]],
        [[4.0, 1.0], [4.0, 3.0], [4.0, 4.0]],
        [[4.0, 6.0], [4.0, 9.0]],
    ]
    assert [part[-1].tolist() for part in dashes(path, 4.0, 2.0)] == [[4.0, 0.0], [4.0, 6.0], [4.0, 10.0]]
    assert [len(part) for part in dashes(path, 4.0, 2.0)] == [2, 3, 2]
    dark = pixels(Line(np.array([[10.0, 20.0], [50.0, 20.0]]), BLACK, 2.0, (5.0, 5.0)))
    assert dark[20, 11:14].min() > 0.8
    assert dark[20, 16:19].max() < 0.2
    assert dark[20, 21:24].min() > 0.8


def test_an_outline_is_a_strip_of_its_width() -> None:
    corners = outline(np.array([[0.0, 0.0], [4.0, 0.0], [8.0, 0.0]]), 2.0)
    assert {tuple(corner) for corner in corners.tolist()} == {(x, y) for x in (0, 4, 8) for y in (-1, 1)}
    still = outline(np.zeros((2, 2)), -1.0)
    assert np.isfinite(still).all()
