"""Charts: what is drawn where, and that every drawing is well-formed whatever the names are."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reports import MEASURES, STREET, fake_colors, fake_report

from hypsegcli.files.words import letter_count
from hypsegcli.metrics import records as r
from hypsegcli.pictures.drawing.markup import element
from hypsegcli.report.page.bars import class_bars, level_bars, zone_bars
from hypsegcli.report.page.confusion import confusion_matrix
from hypsegcli.report.page.curves import edge_curve, reliability_diagram, risk_coverage
from hypsegcli.report.page.svg import (
    Scale,
    drawing,
    percent,
    round_ticks,
    score,
    square_axes,
    text,
)

HOSTILE = (
    "<script>alert(1)</script>",
    'a" onload="alert(1)',
    "tom & 'jerry'",
    "bell\a and \x1b[31m",
    "]]> &lt; 道路標識",
)


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def of_class(root: ET.Element, tag: str, class_: str) -> list[ET.Element]:
    return [each for each in root.iter(tag) if class_ in each.get("class", "").split()]


def at(each: ET.Element, *names: str) -> tuple[float, ...]:
    return tuple(float(each.get(name, "nan")) for name in names)


def words(root: ET.Element) -> list[str]:
    """All texts without their tooltips, in the order of drawing."""
    return ["".join([each.text or "", *(child.tail or "" for child in each)]) for each in root.iter("text")]


def told(each: ET.Element) -> str:
    return each.findtext("title", "")


def place_of(root: ET.Element, word: str) -> tuple[float, float]:
    """Where the first text that says `word` stands."""
    return next(at(each, "x", "y") for each in root.iter("text") if each.text == word)


def points(each: ET.Element) -> list[tuple[float, float]]:
    pairs = re.findall(r"[ML]([-\d.]+),([-\d.]+)", each.get("d", ""))
    return [(float(x), float(y)) for x, y in pairs]


def class_row(name: str, iou: float | None, pixels: int = 100, **other: float | None) -> r.ClassRow:
    empty = dict.fromkeys(("recall", "precision", "f1", "boundary_iou"))
    return r.ClassRow(name=name, truth_pixels=pixels, predicted_pixels=pixels, iou=iou, **empty, **other)


def measure(**changes: object) -> r.MeasureReport:
    return fake_report().measures[0].model_copy(update=changes)


def reliability_row(lower: float, upper: float, pixels: int, accuracy: float | None) -> r.ReliabilityRow:
    return r.ReliabilityRow(lower=lower, upper=upper, pixels=pixels, confidence=lower, accuracy=accuracy)


# Bars


def test_bars_are_as_long_as_their_value() -> None:
    rows = [class_row("half", 0.5), class_row("whole", 1.0), class_row("none", 0.0)]
    root = parse(class_bars(rows, fake_colors(3)))
    bars = of_class(root, "rect", "bar")
    (left, whole), (_, half), (_, nothing) = (at(bar, "x", "width") for bar in bars)
    assert half == pytest.approx(whole / 2)
    assert nothing == 0
    assert left == place_of(root, "0")[0]
    assert left + whole == pytest.approx(place_of(root, "100")[0])
    assert left + half == pytest.approx((place_of(root, "40")[0] + place_of(root, "60")[0]) / 2)
    grid = sorted({at(line, "x1")[0] for line in of_class(root, "line", "grid")})
    assert (grid[0], grid[-1], len(grid)) == (left, pytest.approx(left + whole), 6)


def test_classes_come_best_first_with_those_that_are_not_defined_last() -> None:
    rows = [class_row("b", 0.2, 30), class_row("absent", None, 0), class_row("zero", 0.0, 10), class_row("a", 0.9, 60)]
    root = parse(class_bars(rows, [(1, 2, 3), (2, 2, 2), (3, 3, 3), (4, 5, 6)]))
    names = [word for word in words(root) if word in ("a", "b", "zero", "absent")]
    assert names == ["a", "b", "zero", "absent"]
    assert len(of_class(root, "rect", "bar")) == 3
    assert [each.get("fill") for each in of_class(root, "rect", "swatch")] == [
        "rgb(4,5,6)",
        "rgb(1,2,3)",
        "rgb(3,3,3)",
        "rgb(2,2,2)",
    ]
    shown = words(root)
    assert shown[shown.index("a") + 1 :][:2] == ["90.0", "60.00"]
    assert shown[shown.index("absent") + 1 :][:2] == ["–", "0.00"]  # noqa: RUF001
    heights = [place_of(root, name)[1] for name in names]
    assert heights == sorted(set(heights))
    assert root.get("aria-label") == "IoU by class: a has 90.0 %, absent – %"  # noqa: RUF001


def test_whiskers_span_the_interval_and_need_one() -> None:
    rows = [class_row("with", 0.5, iou_low=0.4, iou_high=0.7), class_row("without", 0.3)]
    root = parse(class_bars(rows, fake_colors(2)))
    whiskers = of_class(root, "line", "whisker")
    assert len(whiskers) == 3
    bar = of_class(root, "rect", "bar")[0]
    left, width, top, height = at(bar, "x", "width", "y", "height")
    full = width / 0.5
    assert at(whiskers[0], "x1", "x2") == pytest.approx((left + 0.4 * full, left + 0.7 * full))
    assert at(whiskers[0], "y1", "y2") == pytest.approx((top + height / 2, top + height / 2))
    assert [at(cap, "x1", "x2")[0] for cap in whiskers[1:]] == pytest.approx([left + 0.4 * full, left + 0.7 * full])


def test_one_of_the_interval_alone_is_not_drawn() -> None:
    root = parse(class_bars([class_row("low", 0.5, iou_low=0.4), class_row("high", 0.5, iou_high=0.6)], fake_colors(2)))
    assert not of_class(root, "line", "whisker")


def test_zones_show_confidence_and_errors() -> None:
    zones = [
        r.Zone(name="boundary", pixels=30, error_rate=0.25, confidence=0.5),
        r.Zone(name="interior", pixels=10, error_rate=None, confidence=None),
    ]
    root = parse(zone_bars(zones))
    sure, error = of_class(root, "rect", "bar")
    assert error.get("class") == "bar error"
    assert at(sure, "width")[0] == pytest.approx(2 * at(error, "width")[0])
    shown = words(root)
    assert "75.0 % of pixels" in shown
    assert shown[shown.index("boundary") + 1 :][:2] == ["50.0", "confidence"]
    assert shown[shown.index("75.0 % of pixels") + 1 :][:2] == ["25.0", "error rate"]
    assert shown[shown.index("interior") + 1] == "–"  # noqa: RUF001
    parse(zone_bars([r.Zone(name="empty", pixels=0, error_rate=None, confidence=None)]))


def test_levels_count_their_nodes() -> None:
    common = {"pixel_accuracy": None, "class_accuracy": None}
    levels = [
        r.Level(level=1, nodes=["a"], iou=[1], miou=1.0, **common),
        r.Level(level=2, nodes=["b", "c"], iou=[0, 1], miou=0.5, **common),
    ]
    root = parse(level_bars(levels))
    one, two = (at(bar, "width")[0] for bar in of_class(root, "rect", "bar"))
    assert two == pytest.approx(one / 2)
    assert {"level 1 (1 node)", "level 2 (2 nodes)", "100.0", "50.0"} <= set(words(root))


def test_many_bars_are_thinner_but_all_there() -> None:
    def height(count: int) -> float:
        root = parse(class_bars([class_row(f"c{i}", 0.5) for i in range(count)], fake_colors(count)))
        bars = of_class(root, "rect", "bar")
        assert len(bars) == count
        return at(bars[0], "height")[0]

    assert height(40) > height(41)


# Confusion matrix


def test_cells_stand_in_the_row_of_truth_and_the_column_of_the_answer() -> None:
    root = parse(confusion_matrix([[75, 25, 0], [0, 1_000, 0]], ["sky", "road"]))
    cells = of_class(root, "rect", "cell")
    assert len(cells) == 3
    (x0, y0, size), (x1, y1, _), (x2, y2, _) = (at(cell, "x", "y", "width") for cell in cells)
    assert (x1 - x0, y1 - y0) == (size, 0)
    assert (x2 - x1, y2 - y1) == (0, size)
    assert [at(cell, "fill-opacity")[0] for cell in cells] == pytest.approx([0.75**0.5, 0.5, 1], abs=0.006)
    assert [told(cell) for cell in cells] == [
        "sky answered as sky: 75.00 %, 75 pixels",
        "sky answered as road: 25.00 %, 25 pixels",
        "road answered as road: 100.00 %, 1,000 pixels",
    ]
    printed = [(each.text, *at(each, "x")) for each in root.iter("text") if each.get("class") in ("part", "full")]
    assert printed == [("75.0", x0 + size / 2), ("25.0", x1 + size / 2), ("100", x2 + size / 2)]
    assert [each.text for each in of_class(root, "text", "full")] == ["75.0", "100"]
    assert "none" not in words(root)
    frame = of_class(root, "rect", "frame")[0]
    assert at(frame, "x", "y", "width", "height") == (x0, y0, 2 * size, 2 * size)


def test_the_column_of_pixels_without_a_class_appears_when_it_is_used() -> None:
    root = parse(confusion_matrix([[6, 0, 2], [0, 0, 0]], ["sky", "road"]))
    assert words(root).count("none") == 1
    assert told(of_class(root, "rect", "cell")[-1]) == "sky answered as none: 25.00 %, 2 pixels"
    _, _, width, height = at(of_class(root, "rect", "frame")[0], "x", "y", "width", "height")
    assert width == 1.5 * height


def matrix(C: int, off: int = 0) -> list[list[int]]:
    return [[10_000 if i == j else off if j == (i + 1) % C else 0 for j in range(C)] + [0] for i in range(C)]


@pytest.mark.parametrize(("C", "numbers", "names"), [(25, 25, 50), (26, 0, 52), (40, 0, 80), (41, 0, 0)])
def test_large_matrices_leave_out_text(C: int, numbers: int, names: int) -> None:
    root = parse(confusion_matrix(matrix(C), [f"c{i}" for i in range(C)]))
    assert len(of_class(root, "rect", "cell")) == C
    assert sum(each.get("class") in ("part", "full") for each in root.iter("text")) == numbers
    assert sum(word.startswith("c") for word in words(root)) == names


def test_only_large_matrices_leave_out_faint_cells() -> None:
    def cells(C: int, off: int) -> int:
        return len(of_class(parse(confusion_matrix(matrix(C, off), [str(i) for i in range(C)])), "rect", "cell"))

    assert cells(40, 1) == 80
    assert cells(41, 10) == 41
    assert cells(41, 11) == 82


def test_shares_that_round_to_nothing_are_not_printed() -> None:
    for C, last, one in ((12, 4, "0.1"), (13, 49, "1")):
        counts = [[0] * (C + 1) for _ in range(C)]
        counts[0][0], counts[0][1] = 10_000 - last, last
        counts[1][1], counts[1][0] = 10_000 - last - 2, last + 2
        shown = words(parse(confusion_matrix(counts, ["n"] * C)))
        assert not {"0", "0.0"} & set(shown)
        assert shown.count(one) == 1


# Reliability


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
    assert told(half) == "confidence 0.50 to 0.75: accuracy 50.0 %, 25 pixels (25.00 %)"
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


# Risk and coverage


def curve(name: str, aurc: float | None, x: list[float], y: list[float | None]) -> r.MeasureReport:
    return measure(name=name, aurc=aurc, risk_coverage=r.Curve(x=x, y=y))


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


# Edges


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


# Pieces


@pytest.mark.parametrize("name", [*HOSTILE, "x" * 300, "", " "])
def test_any_name_gives_well_formed_drawings_that_say_it(name: str) -> None:
    clean = "".join(c if c.isprintable() else "\ufffd" for c in name)
    named = measure(name=name)
    boundaries = fake_report().boundaries
    assert boundaries.confidence is not None
    drawings: list[Callable[[], str]] = [
        lambda: class_bars([class_row(name, 0.5)], fake_colors(1)),
        lambda: confusion_matrix([[1, 1]], [name]),
        lambda: zone_bars([r.Zone(name=name, pixels=1, error_rate=0.5, confidence=0.5)]),
        lambda: reliability_diagram(named),
        lambda: reliability_diagram(named, small=True),
        lambda: risk_coverage([named]),
    ]
    for draw in drawings:
        root = parse(draw())
        assert not list(root.iter("script"))
        assert not [key for each in root.iter() for key in each.attrib if key.startswith("on")]
        if len(clean) < 12:
            assert clean in " ".join(words(root))
    cell = of_class(parse(confusion_matrix([[1, 0]], [name])), "rect", "cell")[0]
    assert told(cell) == f"{clean} answered as {clean}: 100.00 %, 1 pixels"


def test_a_long_name_is_shortened_and_told_in_full() -> None:
    name = "a class with quite a long name indeed"
    root = parse(class_bars([class_row(name, 0.5)], fake_colors(1)))
    (label,) = [each for each in root.iter("text") if each.find("title") is not None]
    assert told(label) == name
    assert words(root)[-3] == "a class with quite a long…"


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-6, 1e6))
def test_ticks_are_few_even_and_reach_the_end(high: float) -> None:
    ticks = round_ticks(high)
    assert ticks[0] == 0
    assert 4 <= len(ticks) <= 6
    assert ticks[-1] * (1 + 1e-6) >= high > ticks[-2] * (1 - 1e-6)
    assert [b - a for a, b in pairwise(ticks)] == pytest.approx([ticks[1]] * (len(ticks) - 1))


def test_some_ticks() -> None:
    assert round_ticks(11) == [0, 2.5, 5, 7.5, 10, 12.5]
    assert round_ticks(100) == [0, 20, 40, 60, 80, 100]
    assert round_ticks(0.3) == [0, 0.1, 0.2, 0.3]


def test_a_scale_is_a_straight_line_through_its_ends() -> None:
    scale = Scale(2, 4, 100, 50)
    assert [scale(2), scale(3), scale(4), scale(5)] == [100, 75, 50, 25]


def test_elements_escape_everything_but_elements() -> None:
    made = element("g", "<b>", element("title", "&"), class_="a", stroke_width=1.23456, id='"')
    assert str(made) == '<g class="a" stroke-width="1.23" id="&#34;">&lt;b&gt;<title>&amp;</title></g>'
    assert str(text(1, 2, "<")) == '<text x="1" y="2" text-anchor="start">&lt;</text>'
    assert 'class="faint"' in text(1, 2, "<", class_="faint")


def test_drawings_shrink_but_not_too_far() -> None:
    root = parse(drawing(400, 100, "what it shows"))
    assert root.attrib == {
        "class": "chart",
        "role": "img",
        "aria-label": "what it shows",
        "viewBox": "0 0 400 100",
        "style": "max-width:400px;min-width:300px",
    }


def test_axes_label_their_lines() -> None:
    root = parse(f"<g>{square_axes(Scale(0, 10, 50, 150), Scale(0, 1, 100, 0), ([0, 5], [0, 0.5]), ('X', 'Y'))}</g>")
    lines = [at(each, "x1", "y1", "x2", "y2") for each in root.iter("line")]
    assert lines == [(50, 100, 50, 0), (100, 100, 100, 0), (50, 100, 150, 100), (50, 50, 150, 50)]
    assert [place_of(root, "5")[0], place_of(root, "0.5")[1]] == [100, 54]
    assert place_of(root, "X")[0] == 100
    assert place_of(root, "Y")[1] == 50


@pytest.mark.parametrize(("C", "measures"), [(1, 1), (2, 3), (11, 6), (40, 8), (150, 2)])
def test_no_text_leaves_the_drawing(C: int, measures: int) -> None:
    """By a letter's usual width; names of any length."""
    names = STREET if len(STREET) == C else tuple(f"class {i} " + "mmmm" * (i % 9) for i in range(C))
    report = fake_report(names, (*MEASURES, "mc-mutual-information", "mc-max-probability")[:measures])
    edge = report.boundaries.confidence
    assert edge is not None
    for svg in (
        class_bars(report.segmentation.classes, fake_colors(C)),
        confusion_matrix(report.segmentation.confusion, names),
        zone_bars(report.boundaries.zones),
        level_bars(report.hierarchy.levels),
        risk_coverage(report.measures),
        edge_curve(edge, report.boundaries),
        *(reliability_diagram(each, small=small) for each in report.measures for small in (True, False)),
    ):
        root = parse(svg)
        width, height = map(float, root.get("viewBox", "").split()[2:])
        for each, shown in zip(root.iter("text"), words(root), strict=True):
            x, y = at(each, "x", "y")
            assert 8 <= y <= height - 2
            if each.get("transform") is None:
                long = 6.4 * letter_count(shown)
                start = x - long * {"start": 0, "middle": 0.5, "end": 1}[each.get("text-anchor", "")]
                assert start >= -2
                assert start + long <= width + 2


def test_numbers_as_printed() -> None:
    assert [percent(0.12345), percent(0.12345, 2), percent(None)] == ["12.3", "12.35", "–"]  # noqa: RUF001
    assert [score(-0.5, 2), score(1 / 3, 3), score(None, 1)] == ["−0.50", "0.333", "–"]  # noqa: RUF001
