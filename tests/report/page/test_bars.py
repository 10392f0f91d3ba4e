"""Bars: how long they are, in which order, and what is written beside them."""

from __future__ import annotations

import pytest
from support.charts import HOSTILE_NAMES, at, check_name, check_room, of_class, parse, place_of, tooltip, words
from support.reports import class_names, fake_colors, fake_report

from hypsegcli.metrics import records as r
from hypsegcli.report.page.bars import class_bars, level_bars, zone_bars


def class_row(name: str, iou: float | None, pixels: int = 100, **other: float | None) -> r.ClassRow:
    empty = dict.fromkeys(("recall", "precision", "f1", "boundary_iou"))
    return r.ClassRow(name=name, truth_pixels=pixels, predicted_pixels=pixels, iou=iou, **empty, **other)


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
    assert (grid[0], len(grid)) == (left, 6)
    assert grid[-1] == pytest.approx(left + whole)


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


def test_a_long_name_is_shortened_and_told_in_full() -> None:
    name = "a class with quite a long name indeed"
    root = parse(class_bars([class_row(name, 0.5)], fake_colors(1)))
    (label,) = [each for each in root.iter("text") if each.find("title") is not None]
    assert tooltip(label) == name
    assert words(root)[-3] == "a class with quite a long…"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_can_be_drawn(name: str) -> None:
    check_name(class_bars([class_row(name, 0.5)], fake_colors(1)), name)
    check_name(zone_bars([r.Zone(name=name, pixels=1, error_rate=0.5, confidence=0.5)]), name)


@pytest.mark.parametrize("C", [1, 2, 11, 40, 150])
def test_no_text_leaves_the_drawing(C: int) -> None:
    report = fake_report(class_names(C))
    check_room(class_bars(report.segmentation.classes, fake_colors(C)))
    check_room(zone_bars(report.boundaries.zones))
    check_room(level_bars(report.hierarchy.levels))
