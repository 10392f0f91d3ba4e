"""Charts of the report that show shares as bars and cells, as inline SVG.

Numbers that are not defined are printed as an en dash and not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from hypsegcli.files.words import letter_count, shorten
from hypsegcli.metrics.records import ClassRow, Level, Zone
from hypsegcli.pictures.drawing.markup import element
from hypsegcli.report.page.svg import LETTER, Scale, drawing, line, percent, text

Color = tuple[int, int, int]

_LETTERS = 26  # of a class name beside a chart
_MANY = 40  # classes whose names and rows need to be small
_PRINTED = 25  # classes up to which a confusion matrix has room for numbers
_FAINTEST = 0.001  # share of a row below which a large confusion matrix leaves a cell out, to stay a small file


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


def confusion_matrix(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Markup:
    """Rows of truth as shares of the row, columns of answers; the last column only where some pixel has no class."""
    C = len(names)
    columns = C + any(row[C] for row in confusion)
    answers = [*names, "none"]
    size = 44.0 if C <= 12 else 32.0 if C <= _PRINTED else 18.0 if C <= _MANY else max(3.0, 680.0 / C)
    letters = 0 if C > _MANY else min(18, max(map(letter_count, answers)))
    left = top = 24 + letters * LETTER
    parts = [
        element("rect", x=left, y=top, width=columns * size, height=C * size, class_="frame"),
        text(left + columns * size / 2, 14, "predicted", "middle", "title"),
        text(14, top + C * size / 2, "truth", "middle", "title", transform=f"rotate(-90 14 {top + C * size / 2:g})"),
    ]
    if letters:
        for index, name in enumerate(answers[:columns]):
            x, y = left + (index + 0.5) * size + 4, top - 6
            parts.append(_name(x, y, name, letters, "start", transform=f"rotate(-60 {x:g} {y:g})"))
            if index < C:
                parts.append(_name(left - 6, top + (index + 0.5) * size + 4, name, letters, "end"))
    for i, row in enumerate(confusion):
        total = sum(row)
        for j, count in enumerate(row):
            if count and (C <= _MANY or count >= _FAINTEST * total):
                hint = f"{names[i]} answered as {answers[j]}: {100 * count / total:.2f} %, {count:,} pixels"
                parts.append(_cell(left + j * size, top + i * size, size, count / total, hint))
                if C <= _PRINTED:
                    parts.append(_share(left + (j + 0.5) * size, top + (i + 0.5) * size + 4, count / total, C))
    width = left + columns * size + 0.6 * letters * LETTER
    return drawing(width, top + C * size + 8, f"Confusion matrix of {C} classes, rows of truth", *parts)


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
        parts.append(_name(left - (24 if bar.color else 8), middle + 4, bar.name, _LETTERS, "end"))
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


def _name(x: float, y: float, name: str, letters: int, anchor: str, **attributes: str) -> Markup:
    short = shorten(name, letters)
    inside = [short] if short == name else [element("title", name), short]
    return element("text", *inside, x=x, y=y, text_anchor=anchor, **attributes)


def _cell(x: float, y: float, size: float, share: float, hint: str) -> Markup:
    # The root keeps confusions of a few percent visible.
    return element(
        "rect", element("title", hint), x=x, y=y, width=size, height=size, fill_opacity=share**0.5, class_="cell"
    )


def _share(x: float, y: float, share: float, classes: int) -> Markup:
    shown = f"{100 * share:.{1 if classes <= 12 else 0}f}"
    shown = "100" if shown == "100.0" else shown
    # Dark ink is easier to read on all but the fullest cells.
    return Markup("") if float(shown) == 0 else text(x, y, shown, "middle", "full" if share > 0.72 else "part")
