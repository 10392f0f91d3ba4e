"""A figure of 60 x 40 with some marks, and both pictures of it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from hypsegcli.pictures.drawing.figure import (
    Figure,
    Mark,
)
from hypsegcli.pictures.drawing.png import draw_figure
from hypsegcli.pictures.drawing.svg import encode_svg

SVG = "{http://www.w3.org/2000/svg}"
RED, BLACK = (200, 0, 0), (0, 0, 0)


def figure(*marks: Mark, title: str = "a title") -> Figure:
    """The marks in their order."""
    return Figure(60, 40, title, marks)


def pixels(*marks: Mark, scale: float = 1.0) -> NDArray[np.float64]:
    """Darkness in [0, 1] of every pixel, by the green channel, which is 0 in every ink here."""
    found = draw_figure(figure(*marks), scale=scale)
    assert found.dtype == np.uint8
    return 1.0 - found[..., 1] / 255.0


def parsed(*marks: Mark, title: str = "a title", scale: float = 1.0) -> ET.Element:
    """The figure as SVG, read back."""
    return ET.fromstring(encode_svg(figure(*marks, title=title), scale=scale))
