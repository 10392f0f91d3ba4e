"""A drawing as a list of marks, x to the right and y downwards from the upper left corner, in units of its own.

Described once, it is written as SVG (`figure_svg`) or drawn as pixels (`figure_png`), at so many pixels a unit; the two
differ in the shapes of their letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

Color = tuple[int, int, int]  # RGB, 0 to 255
Anchor = Literal["start", "middle", "end"]

INK: Color = (40, 40, 40)
FAINT: Color = (105, 105, 105)
WHITE: Color = (255, 255, 255)

# Viewers choose a sans-serif font of their own for SVG; those in use are up to so much wider than Pillow's.
_WIDEST = 1.15


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels (h, w, 3) RGB or (h, w, 4) RGBA, uint8, stretched over a rectangle."""

    x: float
    y: float
    width: float
    height: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points (n, 2) with flat ends; `dash` is the lengths of stroke and gap."""

    points: NDArray[np.float64]
    color: Color
    width: float
    dash: tuple[float, float] | None = None


@dataclass(frozen=True)
class Circle:
    """A circle around (x, y): filled, stroked with a line along its edge, or both."""

    x: float
    y: float
    radius: float
    fill: Color | None = None
    stroke: Color | None = None
    width: float = 1.0


@dataclass(frozen=True)
class Text:
    """One line of letters on the base line y; `halo` draws a white edge around them, for crowded ground."""

    x: float
    y: float
    words: str
    size: float
    color: Color
    anchor: Anchor = "start"
    halo: bool = False


Mark = Picture | Line | Circle | Text


@dataclass(frozen=True)
class Figure:
    """Marks on white; later ones cover earlier ones."""

    width: int
    height: int
    title: str  # what is to be seen, in words
    marks: tuple[Mark, ...]


def segment(
    start: Sequence[float] | NDArray[np.float64],
    end: Sequence[float] | NDArray[np.float64],
    color: Color,
    width: float,
    dash: tuple[float, float] | None = None,
) -> Line:
    """A straight line between two points."""
    return Line(np.array([start, end], np.float64), color, width, dash)


def as_color(rgb: NDArray[np.uint8]) -> Color:
    """A palette's row (3,)."""
    return int(rgb[0]), int(rgb[1]), int(rgb[2])


def text_width(words: str, size: float) -> float:
    """Room that letters need, whichever sans-serif font draws them."""
    return _WIDEST * size / 100.0 * ImageFont.load_default(100).getlength(words)
