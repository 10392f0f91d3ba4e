"""A figure as SVG: every mark with its attributes."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image
from support.figures import BLACK, RED, SVG, figure, parsed

from hypsegcli.pictures.drawing.figure import (
    Circle,
    Line,
    Picture,
    Text,
    segment,
)
from hypsegcli.pictures.drawing.svg import encode_svg


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
