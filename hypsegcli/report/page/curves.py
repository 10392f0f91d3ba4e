"""Charts of the report that show curves, as inline SVG: reliability, risk against coverage, edges.

Points that are not defined are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from hypsegcli.files.words import shorten
from hypsegcli.metrics.catalogue import BY_NAME
from hypsegcli.metrics.records import Boundaries, ConfidenceBoundary, MeasureReport
from hypsegcli.pictures.drawing.markup import element
from hypsegcli.report.page.svg import (
    Scale,
    drawing,
    line,
    path,
    printed,
    round_ticks,
    score,
    square_axes,
    text,
)

_ECE, _AURC = BY_NAME["ece"], BY_NAME["aurc"]
_TENTHS = [0, 0.2, 0.4, 0.6, 0.8, 1]
_COLORS = 6  # c0 to c5 of the style sheet
_FROM = 0.05  # coverage: below it a single wrong pixel throws the risk to the top, and no axis is made for that
_LEVELS_OF_F = [index / 10 for index in range(1, 10)]


def reliability_diagram(measure: MeasureReport, *, small: bool = False) -> Markup:
    """Accuracy of each bin of confidence, the fainter the fewer pixels it has, and the line of honest confidence."""
    side = 150.0 if small else 330.0
    left, top = (28.0, 22.0) if small else (56.0, 26.0)
    x, y = Scale(0, 1, left, left + side), Scale(0, 1, top + side, top)
    ticks, titles = ([0, 1], None) if small else (_TENTHS, ("confidence", "accuracy"))
    name, ece = shorten(measure.name, 22), f"{_ECE.title} {printed(measure.ece, _ECE.unit)}"
    parts = [square_axes(x, y, (ticks, ticks), titles)]
    parts.append(text(left, top - 8, name if small else f"{name}, {ece}", class_="title"))
    if small:
        parts.append(text((x.start + x.end) / 2, y.start + 16, ece, "middle"))
    pixels = max(measure.pixels, 1)
    for row in measure.reliability:
        if row.accuracy is not None:
            hint = (
                f"confidence {row.lower:.2f} to {row.upper:.2f}: accuracy {100 * row.accuracy:.1f} %, "
                f"{row.pixels:,} pixels ({100 * row.pixels / pixels:.2f} %)"
            )
            size = {"width": x(row.upper) - x(row.lower) - 1, "height": y.start - y(row.accuracy)}
            faint = 0.15 + 0.85 * (row.pixels / pixels) ** 0.5
            bar = {"x": x(row.lower) + 0.5, "y": y(row.accuracy), **size, "fill_opacity": faint}
            parts.append(element("rect", element("title", hint), **bar, class_="bar"))
            parts.append(line(x(row.lower), y(row.accuracy), x(row.upper), y(row.accuracy), "rim"))
    parts.append(line(x(0), y(0), x(1), y(1), "guide"))
    label = f"Reliability diagram of {measure.name}: accuracy against confidence"
    return drawing(x.end + 14, y.start + (22 if small else 46), label, *parts)


def risk_coverage(measures: Sequence[MeasureReport]) -> Markup:
    """Selective risk against coverage for all measures, with a legend in the order of AURC."""
    curves = [
        [(a, b) for a, b in zip(m.risk_coverage.x, m.risk_coverage.y, strict=True) if b is not None] for m in measures
    ]
    highest = max((risk for curve in curves for coverage, risk in curve if coverage >= _FROM), default=0.0)
    ticks = round_ticks(100 * highest or 1.0)
    x, y = Scale(0, 100, 62, 522), Scale(0, ticks[-1], 300, 20)
    parts = [square_axes(x, y, ([0, 20, 40, 60, 80, 100], ticks), ("coverage, %", "wrong among the covered, %"))]
    styles = [_line_style(index, measure.name) for index, measure in enumerate(measures)]
    inside = [
        path([(x(100 * a) - x.start, y(100 * b) - y.end) for a, b in curve], style)
        for curve, style in zip(curves, styles, strict=True)
        if curve
    ]
    # An inner <svg> cuts off what leaves the plot.
    frame = {"x": x.start, "y": y.end, "width": x.end - x.start, "height": y.start - y.end}
    parts.append(element("svg", *reversed(inside), **frame))
    parts += [text(x.end + 24, 28, "measure", class_="title"), text(x.end + 270, 28, _AURC.title, "end", "title")]
    order = sorted(range(len(measures)), key=lambda i: (measures[i].aurc is None, measures[i].aurc or 0.0))
    for place, index in enumerate(order):
        at = 50 + 22 * place
        parts.append(line(x.end + 24, at - 4, x.end + 56, at - 4, styles[index]))
        parts.append(text(x.end + 64, at, shorten(measures[index].name, 22)))
        parts.append(text(x.end + 270, at, printed(measures[index].aurc, _AURC.unit), "end"))
    height = max(346.0, 64.0 + 22 * len(measures))
    return drawing(x.end + 280, height, f"Risk against coverage of {len(measures)} measures of confidence", *parts)


def edge_curve(confidence: ConfidenceBoundary, boundaries: Boundaries) -> Markup:
    """Precision against recall of the boundary map, its best F, and the edges of the predicted label maps."""
    x, y = Scale(0, 1, 56, 386), Scale(0, 1, 350, 20)
    parts = [square_axes(x, y, (_TENTHS, _TENTHS), ("recall", "precision"))]
    for f in _LEVELS_OF_F:
        least = f / (2 - f)
        # Steps that grow, as the line bends most where it starts.
        recalls = [least + (1 - least) * (step / 40) ** 2 for step in range(41)]
        parts.append(path([(x(recall), y(f * recall / (2 * recall - f))) for recall in recalls], "contour"))
        parts.append(text(x.end + 4, y(least) + 4, f"{f:g}", class_="faint"))
    parts.append(text(x.end + 4, y(1), "F", class_="faint"))
    points = [
        None if precision is None or recall is None else (x(recall), y(precision))
        for precision, recall in zip(confidence.precision, confidence.recall, strict=True)
    ]
    parts += [path([a, b], "curve c0") for a, b in pairwise(points) if a and b]
    if confidence.best_threshold in confidence.thresholds:
        best = points[confidence.thresholds.index(confidence.best_threshold)]
        if best:
            parts.append(element("circle", cx=best[0], cy=best[1], r=5, class_="mark c0"))
    if boundaries.precision is not None and boundaries.recall is not None:
        corner = {"x": x(boundaries.recall) - 4.5, "y": y(boundaries.precision) - 4.5}
        parts.append(element("rect", **corner, width=9, height=9, class_="mark c1"))
    parts += [
        element("circle", cx=62, cy=408, r=5, class_="mark c0"),
        text(74, 412, f"boundary map of the confidence, best F {score(confidence.best_f, 3)}"),
        element("rect", x=57.5, y=425.5, width=9, height=9, class_="mark c1"),
        text(74, 434, f"edges of the predicted label maps, F {score(boundaries.f, 3)}"),
    ]
    return drawing(x.end + 34, 446, "Precision against recall of the boundary map", *parts)


def _line_style(index: int, name: str) -> str:
    dash = " dashed" if name.startswith("mc-") else " dotted" if index >= _COLORS else ""
    return f"curve c{index % _COLORS}{dash}"
