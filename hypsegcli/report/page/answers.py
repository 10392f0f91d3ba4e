"""The chart of answers by the class tree: how often they are right against how deep they go, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from hypsegcli.metrics.catalogue import BY_NAME
from hypsegcli.metrics.records import AnswerRow
from hypsegcli.pictures.drawing.markup import element
from hypsegcli.report.page.svg import Scale, drawing, path, printed, square_axes, text

_DEPTH, _RIGHT = BY_NAME["answer_depth"], BY_NAME["answer_accuracy"]
_STEPS = (0.5, 1, 2, 5, 10, 20)  # percent between two ticks
_FEW = 6  # levels, up to which halves are ticks too
_NAMED = {0.5, 0.7, 0.8, 0.9, 0.95, 0.99}  # thresholds that are written beside their points


def answer_curve(rows: Sequence[AnswerRow], chosen: str) -> Markup:
    """A line through the thresholds, a square for every fixed depth, and a ring around the rule that was asked for."""
    points = [(row, row.answer_depth, row.answer_accuracy) for row in rows]
    placed = [(row, depth, 100 * right) for row, depth, right in points if depth is not None and right is not None]
    ticks = _ticks(min((right for _, _, right in placed), default=0.0))
    deepest = max((depth for _, depth, _ in placed), default=1.0)
    x, y = Scale(1, max(2, math.ceil(deepest)), 62, 522), Scale(ticks[0], ticks[-1], 330, 30)
    step = 0.5 if x.high <= _FEW else 1
    depths = [1 + step * index for index in range(round((x.high - 1) / step) + 1)]
    parts = [square_axes(x, y, (depths, ticks), ("mean depth of the answers, in levels", "right among the answers, %"))]
    curve = [(x(depth), y(right)) for row, depth, right in placed if row.threshold is not None]
    if len(curve) > 1:
        parts.append(path(curve, "curve c0"))
    for row, depth, right in placed:
        at = {"x": x(depth), "y": y(right)}
        share = printed(row.answer_accuracy, _RIGHT.unit) + _RIGHT.unit.sign
        hint = element("title", f"{row.name}: {share} right, depth {printed(depth, _DEPTH.unit)}")
        if row.threshold is None:
            parts.append(element("rect", hint, x=at["x"] - 4.5, y=at["y"] - 4.5, width=9, height=9, class_="mark c1"))
            parts.append(text(at["x"], at["y"] + 20, row.name, "middle"))
        else:
            parts.append(element("circle", hint, cx=at["x"], cy=at["y"], r=3.5, class_="mark c0"))
            if row.threshold in _NAMED or row.name == chosen:
                parts.append(text(at["x"] + 8, at["y"] - 7, f"{row.threshold:g}"))
        if row.name == chosen:
            parts.append(element("circle", cx=at["x"], cy=at["y"], r=9, class_="ring"))
    return drawing(x.end + 40, 376, f"{_RIGHT.title} against {_DEPTH.title}, for {len(placed)} rules", *parts)


def _ticks(low: float) -> list[float]:
    """Round numbers of percent up to 100, of which the first is below `low`."""
    step = next((step for step in _STEPS if (100 - low) / step <= 5), 25)
    count = max(1, math.ceil((100 - low) / step + 1e-9))
    return [round(100 - step * index, 6) for index in range(count, -1, -1)]
