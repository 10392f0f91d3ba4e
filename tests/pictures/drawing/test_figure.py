"""One description, two pictures: what is drawn where, in SVG and in pixels."""

from __future__ import annotations

import math
from base64 import b64decode
from io import BytesIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.files.words import as_label
from hypsegcli.pictures.drawing.figure import (
    Anchor,
    Circle,
    Figure,
    Line,
    Mark,
    Picture,
    Text,
    as_color,
    segment,
    text_width,
)
from hypsegcli.pictures.drawing.png import dashes, draw_figure, outline
from hypsegcli.pictures.drawing.svg import encode_svg

SVG = "{http://www.w3.org/2000/svg}"
RED, BLACK = (200, 0, 0), (0, 0, 0)


def figure(*marks: Mark, title: str = "a title") -> Figure:
    return Figure(60, 40, title, marks)


def pixels(*marks: Mark, scale: float = 1.0) -> NDArray[np.float64]:
    """Darkness in [0, 1] of every pixel, by the green channel, which is 0 in every ink here."""
    found = draw_figure(figure(*marks), scale=scale)
    assert found.dtype == np.uint8
    return 1.0 - found[..., 1] / 255.0


def parsed(*marks: Mark, title: str = "a title", scale: float = 1.0) -> ET.Element:
    return ET.fromstring(encode_svg(figure(*marks, title=title), scale=scale))


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


def test_svg_says_the_same() -> None:
    root = parsed(
        Line(np.array([[1.0, 2.0], [3.25, 4.0]]), RED, 1.5, (9.0, 5.0)),
        segment((0, 0), (1, 1), BLACK, 2.0),
        Circle(5, 6, 7.5, fill=RED),
        Circle(5, 6, 7.5, stroke=BLACK, width=0.5),
        Text(10, 20, "words", 12, RED, "end", halo=True),
        Text(11, 21, "plain", 13, BLACK),
        scale=1.5,
    )
    assert root.attrib["viewBox"] == "0 0 60 40"
    assert (root.attrib["width"], root.attrib["height"]) == ("90", "60")
    title, ground, dashed, line, filled, stroked, haloed, plain = list(root)
    assert title.text == "a title"
    assert (ground.tag, ground.attrib["fill"]) == (f"{SVG}rect", "#ffffff")
    assert dashed.attrib["d"] == "M1.00,2.00L3.25,4.00"
    assert dashed.attrib["stroke"] == "#c80000"
    assert dashed.attrib["stroke-width"] == "1.5"
    assert dashed.attrib["stroke-dasharray"] == "9 5"
    assert dashed.attrib["fill"] == "none"
    assert "stroke-dasharray" not in line.attrib
    assert (filled.attrib["fill"], filled.attrib["r"]) == ("#c80000", "7.5")
    assert "stroke" not in filled.attrib
    assert (stroked.attrib["fill"], stroked.attrib["stroke"]) == ("none", "#000000")
    assert (stroked.attrib["cx"], stroked.attrib["cy"], stroked.attrib["stroke-width"]) == ("5", "6", "0.5")
    assert (haloed.text, haloed.attrib["text-anchor"], haloed.attrib["font-size"]) == ("words", "end", "12")
    assert (haloed.attrib["stroke"], haloed.attrib["paint-order"]) == ("#ffffff", "stroke")
    assert (plain.attrib["x"], plain.attrib["y"], plain.attrib["text-anchor"]) == ("11", "21", "start")
    assert "stroke" not in plain.attrib


def test_svg_carries_its_pictures() -> None:
    cells = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)
    (image,) = parsed(Picture(1, 2, 30.5, 20, cells)).iter(f"{SVG}image")
    assert [image.attrib[key] for key in ("x", "y", "width", "height")] == ["1", "2", "30.5", "20"]
    assert image.attrib["preserveAspectRatio"] == "none"
    head, _, data = image.attrib["href"].partition(",")
    assert head == "data:image/png;base64"
    with Image.open(BytesIO(b64decode(data))) as stored:
        np.testing.assert_array_equal(np.asarray(stored), cells)


def test_svg_escapes_what_it_must() -> None:
    words = "<b> & \"quotes\" 'too' ]]>"
    root = parsed(Text(1, 2, words, 12, BLACK), title=words)
    assert [element.text for element in root.iter(f"{SVG}text")] == [words]
    assert root[0].text == words
    assert "http" not in encode_svg(figure()).decode().replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", ["sky", "two\n words", "a\ud800\x00b", "x" * 99])
def test_labels_can_be_drawn(name: str) -> None:
    words = as_label(name, 12)
    parsed(Text(1, 2, words, 12, BLACK))
    pixels(Text(1, 2, words, 12, BLACK))


def test_letters_have_room() -> None:
    assert text_width("", 20) == 0
    assert text_width("sky", 20) == pytest.approx(2 * text_width("sky", 10))
    dark = pixels(Text(2, 20, "sky", 16, BLACK))
    assert (
        np.nonzero(dark.sum(0) > 0.3)[0].max()
        < 2 + text_width("sky", 16)
        < 2 + 1.5 * np.ptp(np.nonzero(dark.sum(0))[0])
    )


def test_a_palettes_row_is_a_colour() -> None:
    color = as_color(np.array([1, 2, 255], np.uint8))
    assert color == (1, 2, 255)
    assert {type(channel) for channel in color} == {int}
