"""Pieces of inline SVG: scales, lines and axes.

Lengths are units of the drawing, which are CSS pixels unless the page is narrower than the drawing. Colours and fonts
are left to classes of the page's style sheet, so that one drawing suits light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from hypsegcli.files.words import shorten
from hypsegcli.metrics.catalogue import PERCENT, Unit
from hypsegcli.pictures.drawing.markup import element

LETTER = 6.8  # width of a letter at the usual size, on the generous side

NOT_DEFINED = "\N{EN DASH}"


class Scale(NamedTuple):
    """The straight line that takes values `low`..`high` to positions `start`..`end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Position of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def drawing(width: float, height: float, label: str, *content: str) -> Markup:
    """<svg> that fills the page's column up to its own size and shrinks to no less than three quarters of it.

    `label` says in words what is to be seen.
    """
    return element(
        "svg",
        *content,
        class_="chart",
        role="img",
        aria_label=label,
        viewBox=f"0 0 {width:g} {height:g}",
        style=f"max-width:{width:g}px;min-width:{0.75 * width:g}px",
    )


def text(x: float, y: float, words: str, anchor: str = "start", class_: str = "", **attributes: str | float) -> Markup:
    """Text on the base line y; anchor is start, middle or end."""
    if class_:
        attributes["class_"] = class_
    return element("text", words, x=x, y=y, text_anchor=anchor, **attributes)


def short_name(x: float, y: float, name: str, letters: int, anchor: str, **attributes: str) -> Markup:
    """A name of at most so many letters; where some are missing, the whole of it when pointed at."""
    short = shorten(name, letters)
    inside = [short] if short == name else [element("title", name), short]
    return element("text", *inside, x=x, y=y, text_anchor=anchor, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A line through points."""
    return element("path", d="M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_)


def square_axes(
    x: Scale, y: Scale, ticks: tuple[Sequence[float], Sequence[float]], titles: tuple[str, str] | None = None
) -> Markup:
    """Grid, tick labels and titles of a plot; x first in both pairs, and `y.start` below `y.end` on the page."""
    parts = []
    for value in ticks[0]:
        parts.append(line(x(value), y.start, x(value), y.end, "grid"))
        parts.append(text(x(value), y.start + 16, f"{value:g}", "middle"))
    for value in ticks[1]:
        parts.append(line(x.start, y(value), x.end, y(value), "grid"))
        parts.append(text(x.start - 6, y(value) + 4, f"{value:g}", "end"))
    if titles:
        left, middle = x.start - 40, (y.start + y.end) / 2
        parts.append(text((x.start + x.end) / 2, y.start + 36, titles[0], "middle", "title"))
        parts.append(text(left, middle, titles[1], "middle", "title", transform=f"rotate(-90 {left:g} {middle:g})"))
    return Markup("").join(parts)


def round_ticks(high: float) -> list[float]:
    """Four to six round numbers from 0; the last is the first of its step that reaches `high` > 0."""
    power = 10.0 ** math.floor(math.log10(high / 4))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if high / (factor * power) <= 5)
    return [float(f"{index * step:.6g}") for index in range(math.ceil(high / step - 1e-9) + 1)]


def printed(value: float | None, unit: Unit) -> str:
    """A metric as it is printed everywhere on the page, without its sign."""
    return NOT_DEFINED if value is None else unit.text(value).replace("-", "\N{MINUS SIGN}")


def percent(share: float | None, decimals: int = 1) -> str:
    """A share as percent, without the sign."""
    return printed(share, PERCENT._replace(decimals=decimals))


def score(value: float | None, decimals: int) -> str:
    """Any other number, printed alike."""
    return printed(value, Unit(1.0, decimals, ""))
