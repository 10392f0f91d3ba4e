"""Reliability, risk over coverage, and precision over recall of edges: what is drawn where."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from support.charts import (
    HOSTILE_NAMES,
    at,
    check_name,
    check_room,
    measure,
    of_class,
    parse,
    place_of,
    points,
    tooltip,
    words,
)
from support.reports import MEASURES, fake_report

from hypsegcli.metrics import records as r
from hypsegcli.report.page.curves import edge_curve, reliability_diagram, risk_coverage


def reliability_row(lower: float, upper: float, pixels: int, accuracy: float | None) -> r.ReliabilityRow:
    return r.ReliabilityRow(lower=lower, upper=upper, pixels=pixels, confidence=lower, accuracy=accuracy)


def curve(name: str, aurc: float | None, x: list[float], y: list[float | None]) -> r.MeasureReport:
    return measure(name=name, aurc=aurc, risk_coverage=r.Curve(x=x, y=y))


def edges(best: int | None = 10, precision: float | None = 0.5) -> ET.Element:
    found = r.ConfidenceBoundary(
        thresholds=[0, 10, 20, 30],
        precision=[0.25, 0.5, None, 1.0],
        recall=[1.0, 0.75, 0.5, 0.0],
        f=[None] * 4,
        best_f=0.6,
        best_threshold=best,
    )
    around = fake_report().boundaries.model_copy(update={"precision": precision, "recall": 0.25, "f": 1 / 3})
    return parse(edge_curve(found, around))


def test_bins_stand_over_their_confidence_as_high_as_their_accuracy() -> None:
    rows = [
        reliability_row(0.0, 0.5, 0, None),
        reliability_row(0.5, 0.75, 25, 0.5),
        reliability_row(0.75, 1.0, 75, 1.0),
    ]
    root = parse(reliability_diagram(measure(reliability=rows, pixels=100, ece=0.1234)))
    guide = of_class(root, "line", "guide")[0]
    x0, y0, x1, y1 = at(guide, "x1", "y1", "x2", "y2")
    assert x1 - x0 == y0 - y1 > 0
    half, full = of_class(root, "rect", "bar")
    x, y, width, height = at(half, "x", "y", "width", "height")
    assert x == pytest.approx((x0 + x1) / 2, abs=1)
    assert width == pytest.approx((x1 - x0) / 4, abs=1.1)
    assert (y, y + height) == pytest.approx(((y0 + y1) / 2, y0))
    assert at(full, "y")[0] == y1
    assert at(half, "fill-opacity")[0] == pytest.approx(0.15 + 0.85 * 0.5, abs=0.006)
    assert tooltip(half) == "confidence 0.50 to 0.75: accuracy 50.0 %, 25 pixels (25.00 %)"
    rims = of_class(root, "line", "rim")
    assert [at(rim, "y1")[0] for rim in rims] == pytest.approx([(y0 + y1) / 2, y1])
    assert "distance, ECE 0.123" in words(root)
    assert place_of(root, "0.4")[0] == pytest.approx(x0 + 0.4 * (x1 - x0))


def test_small_diagrams_are_smaller_and_keep_the_ece() -> None:
    small, large = (parse(reliability_diagram(measure(ece=0.25), small=small)) for small in (True, False))
    assert {"distance", "ECE 0.250"} <= set(words(small))
    assert "0.4" not in words(small)
    assert len(of_class(small, "rect", "bar")) == len(of_class(large, "rect", "bar"))
    assert float(small.get("viewBox", "").split()[2]) < float(large.get("viewBox", "").split()[2]) / 2


def test_curves_run_through_their_points() -> None:
    root = parse(risk_coverage([curve("m", 0.1, [0.25, 0.5, 0.75, 1.0], [0.0, None, 0.1, 0.2])]))
    plot = root.find("svg")
    assert plot is not None
    width, height = at(plot, "width", "height")
    (line,) = of_class(plot, "path", "curve")
    expected = [(0.25 * width, height), (0.75 * width, height / 2), (width, 0)]
    assert points(line) == [pytest.approx(pair, abs=0.06) for pair in expected]
    left, top = at(plot, "x", "y")
    assert place_of(root, "20")[0] == left + width / 5
    assert [at(each, "y")[0] - 4 for each in root.iter("text") if each.text == "20"][1] == top


def test_the_axis_is_not_made_for_the_first_few_pixels() -> None:
    root = parse(risk_coverage([curve("m", 0.1, [0.01, 0.05, 1.0], [1.0, 0.04, 0.1])]))
    assert "10" in words(root)
    plot = root.find("svg")
    assert plot is not None
    assert points(of_class(plot, "path", "curve")[0])[0][1] < 0
    assert words(parse(risk_coverage([curve("m", 0.1, [0.05, 1.0], [0.19, 0.1])]))).count("20") == 2
    assert words(root).count("20") == 1


def test_the_legend_is_in_order_of_aurc_and_matches_the_lines() -> None:
    some = [("norm", 0.3), ("mc-entropy", 0.1), ("lost", None), ("margin", 0.2)]
    root = parse(risk_coverage([curve(name, aurc, [1.0, 1.0], [0.1, 0.1]) for name, aurc in some]))
    shown = words(root)
    names = [word for word in shown if word in dict(some)]
    assert names == ["mc-entropy", "margin", "norm", "lost"]
    assert [shown[shown.index(name) + 1] for name in names] == ["0.1000", "0.2000", "0.3000", "–"]  # noqa: RUF001
    samples = [each.get("class") for each in of_class(root, "line", "curve")]
    assert samples == ["curve c1 dashed", "curve c3", "curve c0", "curve c2"]
    assert sorted(each.get("class", "") for each in of_class(root, "path", "curve")) == sorted(map(str, samples))
    rows = [at(each, "y1")[0] for each in of_class(root, "line", "curve")]
    assert [b - a for a, b in pairwise(rows)] == [22.0] * 3


def test_no_two_of_twelve_lines_look_the_same() -> None:
    root = parse(risk_coverage([curve(f"m{i}", 0.1, [1.0], [0.1]) for i in range(12)]))
    assert len({each.get("class") for each in of_class(root, "line", "curve")}) == 12


@pytest.mark.parametrize("count", [1, 13, 20])
def test_the_drawing_is_high_enough_for_its_legend(count: int) -> None:
    root = parse(risk_coverage([curve(f"m{i}", 0.1, [1.0], [0.1]) for i in range(count)]))
    height = float(root.get("viewBox", "").split()[3])
    assert max(at(each, "y")[0] for each in root.iter("text")) < height - 8


def test_an_answer_without_mistakes_has_a_plot_too() -> None:
    root = parse(risk_coverage([curve("m", 0.0, [0.5, 1.0], [0.0, 0.0]), curve("empty", None, [], [])]))
    assert len(of_class(root, "path", "curve")) == 1


def test_the_curve_of_edges_goes_from_recall_to_precision() -> None:
    root = edges()
    x0, x1 = place_of(root, "0")[0], place_of(root, "1")[0]
    y0, y1 = (at(each, "y1")[0] for each in (of_class(root, "line", "grid")[6], of_class(root, "line", "grid")[11]))
    (segment,) = of_class(root, "path", "c0")
    assert points(segment) == [(x1, y0 + (y1 - y0) / 4), (x0 + 0.75 * (x1 - x0), (y0 + y1) / 2)]
    circle, _ = of_class(root, "circle", "mark")
    assert at(circle, "cx", "cy") == points(segment)[1]
    square, _ = of_class(root, "rect", "mark")
    x, y, width, height = at(square, "x", "y", "width", "height")
    assert (x + width / 2, y + height / 2) == pytest.approx((x0 + (x1 - x0) / 4, (y0 + y1) / 2))
    assert {"boundary map of the confidence, best F 0.600", "edges of the predicted label maps, F 0.333"} <= set(
        words(root)
    )


def test_contours_have_equal_f() -> None:
    root = edges()
    x0, x1 = place_of(root, "0")[0], place_of(root, "1")[0]
    y0, y1 = (at(each, "y1")[0] for each in (of_class(root, "line", "grid")[6], of_class(root, "line", "grid")[11]))
    contours = of_class(root, "path", "contour")
    assert len(contours) == 9
    for index, contour in enumerate(contours, start=1):
        for x, y in points(contour):
            recall, precision = (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)
            assert 2 * precision * recall / (precision + recall) == pytest.approx(index / 10, abs=2e-3)
        assert points(contour)[0][1] == y1
        assert points(contour)[-1][0] == x1


@pytest.mark.parametrize(("best", "circles"), [(10, 2), (20, 1), (None, 1)])
def test_a_best_point_is_marked_where_there_is_one(best: int | None, circles: int) -> None:
    assert len(of_class(edges(best), "circle", "mark")) == circles


def test_edges_that_nobody_predicted_are_not_marked() -> None:
    assert len(of_class(edges(precision=None), "rect", "mark")) == 1


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_can_be_drawn(name: str) -> None:
    named = measure(name=name)
    for svg in (reliability_diagram(named), reliability_diagram(named, small=True), risk_coverage([named])):
        check_name(svg, name)


@pytest.mark.parametrize("count", [1, 2, 3, 6, 8])
def test_no_text_leaves_the_drawing(count: int) -> None:
    report = fake_report(measures=(*MEASURES, "mc-mutual-information", "mc-max-probability")[:count])
    edge = report.boundaries.confidence
    assert edge is not None
    check_room(risk_coverage(report.measures))
    check_room(edge_curve(edge, report.boundaries))
    for each in report.measures:
        for small in (True, False):
            check_room(reliability_diagram(each, small=small))
