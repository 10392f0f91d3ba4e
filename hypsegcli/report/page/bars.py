"""Charts of the report that show shares as bars, as inline SVG.

Numbers that are not defined are printed as an en dash and not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from hypsegcli.files.words import letter_count
from hypsegcli.metrics.records import ClassRow, Level, Zone
from hypsegcli.pictures.drawing.markup import element
from hypsegcli.report.page.svg import LETTER, Scale, drawing, line, percent, short_name, text

Color = tuple[int, int, int]

_LETTERS = 26  # of a class name beside a chart
_MANY = 40  # rows that need to be small


class _Bar(NamedTuple):
    name: str
    value: float | None
    cells: tuple[str, ...]  # printed in the columns at the right
    low: float | None = None
    high: float | None = None
    color: str = ""  # of a swatch beside the name
    kind: str = ""  # class of the style sheet


def class_bars(classes: Sequence[ClassRow], colors: Sequence[Color]) -> Markup:
    """IoU of every class, best first, with its 95 % interval and the class's share of labelled pixels."""
    pixels = max(sum(row.truth_pixels for row in classes), 1)
    ranked = sorted(zip(classes, colors, strict=True), key=lambda pair: (pair[0].iou is None, -(pair[0].iou or 0.0)))
    bars = [
        _Bar(
            row.name,
            row.iou,
            (percent(row.iou), percent(row.truth_pixels / pixels, 2)),
            row.iou_low,
            row.iou_high,
            f"rgb({color[0]},{color[1]},{color[2]})",
        )
        for row, color in ranked
    ]
    label = f"IoU by class: {bars[0].name} has {bars[0].cells[0]} %, {bars[-1].name} {bars[-1].cells[0]} %"
    return _bars(bars, label, ("IoU, %", "pixels, %"), axis=440)


def level_bars(levels: Sequence[Level]) -> Markup:
    """MIoU at each level of the class tree."""
    bars = [
        _Bar(
            f"level {level.level} ({len(level.nodes)} node{'s' * (len(level.nodes) != 1)})",
            level.miou,
            (percent(level.miou),),
        )
        for level in levels
    ]
    return _bars(bars, "mIoU by level of the class tree", ("mIoU, %",), axis=300)


def zone_bars(zones: Sequence[Zone]) -> Markup:
    """Mean confidence and error rate of each zone."""
    pixels = max(sum(zone.pixels for zone in zones), 1)
    bars = []
    for zone in zones:
        share = f"{percent(zone.pixels / pixels)} % of pixels"
        bars.append(_Bar(zone.name, zone.confidence, (percent(zone.confidence), "confidence")))
        bars.append(_Bar(share, zone.error_rate, (percent(zone.error_rate), "error rate"), kind="error"))
    return _bars(bars, "Mean confidence and error rate by zone", ("%", ""), axis=230)


def _bars(bars: Sequence[_Bar], label: str, heads: tuple[str, ...], axis: float) -> Markup:
    """Horizontal bars over 0 to 100 %, a row each, with columns of text at their right."""
    row = 16.0 if len(bars) > _MANY else 22.0
    left = 34 + LETTER * min(_LETTERS, max(letter_count(bar.name) for bar in bars))
    x, bottom = Scale(0.0, 1.0, left, left + axis), 26 + row * len(bars)
    ends = [x.end + 84 + 78 * index for index in range(len(heads))]
    parts = [text(end, 16, head, "end", "title") for end, head in zip(ends, heads, strict=True)]
    for tick in range(0, 101, 20):
        parts.append(line(x(tick / 100), 22, x(tick / 100), bottom, "grid"))
        parts += [text(x(tick / 100), y, str(tick), "middle") for y in (16, bottom + 16)]
    for index, bar in enumerate(bars):
        middle = 26 + row * (index + 0.5)
        parts.append(short_name(left - (24 if bar.color else 8), middle + 4, bar.name, _LETTERS, "end"))
        if bar.color:
            square = {"x": left - 18, "y": middle - 5, "width": 10, "height": 10}
            parts.append(element("rect", **square, fill=bar.color, class_="swatch"))
        if bar.value is not None:
            long = {"x": left, "y": middle - 0.32 * row, "width": x(bar.value) - left, "height": 0.64 * row}
            parts.append(element("rect", **long, class_=f"bar {bar.kind}".strip()))
        if bar.low is not None and bar.high is not None:
            parts.append(line(x(bar.low), middle, x(bar.high), middle, "whisker"))
            parts += [line(x(at), middle - 4, x(at), middle + 4, "whisker") for at in (bar.low, bar.high)]
        parts += [text(end, middle + 4, cell, "end") for end, cell in zip(ends, bar.cells, strict=True)]
    return drawing(ends[-1] + 8, bottom + 22, label, *parts)
