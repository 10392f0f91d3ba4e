"""The chart of answers by the class tree: what is drawn where."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from support.charts import at, check_room, of_class, parse, place_of, points, tooltip, words
from support.reports import fake_answers

from hypsegcli.metrics import records as r
from hypsegcli.report.page.answers import answer_curve

ROWS = fake_answers().rows


def drawn(rows: list[r.AnswerRow] = ROWS, chosen: str = "auto, 0.7") -> ET.Element:
    svg = answer_curve(rows, chosen)
    check_room(svg)
    return parse(svg)


def test_the_line_goes_through_the_thresholds_in_their_order() -> None:
    root = drawn()
    circles = [at(each, "cx", "cy") for each in of_class(root, "circle", "mark")]
    (line,) = of_class(root, "path", "curve")
    np.testing.assert_allclose(points(line), circles, atol=0.06)
    thresholds = [row for row in ROWS if row.threshold is not None]
    assert len(circles) == len(thresholds) == 3
    for one, other, (x1, y1), (x2, y2) in zip(thresholds, thresholds[1:], circles, circles[1:], strict=False):
        assert (x1 > x2) == ((one.answer_depth or 0) > (other.answer_depth or 0))
        assert (y1 > y2) == ((one.answer_accuracy or 0) < (other.answer_accuracy or 0)), "more right is higher"


def test_places_are_those_of_the_axes() -> None:
    root = drawn()
    (full, zero), (one, two) = ([place_of(root, word) for word in pair] for pair in (("100", "85"), ("1", "2")))
    per_percent, per_level = (zero[1] - full[1]) / 15, two[0] - one[0]
    thresholds = [row for row in ROWS if row.threshold is not None]
    for each, row in zip(of_class(root, "circle", "mark"), thresholds, strict=True):
        x, y = at(each, "cx", "cy")
        assert row.answer_depth == pytest.approx(1 + (x - one[0]) / per_level, abs=1e-3)
        assert 100 * (row.answer_accuracy or 0) == pytest.approx(85 + (zero[1] - 4 - y) / per_percent, abs=0.1)
        assert tooltip(each).startswith(f"{row.name}: ")


def test_fixed_depths_are_squares_with_their_names() -> None:
    root = drawn()
    assert [tooltip(each).partition(":")[0] for each in of_class(root, "rect", "mark")] == ["class", "level 1"]
    assert {"class", "level 1", "0.5", "0.7", "0.99"} <= set(words(root))


@pytest.mark.parametrize("chosen", [row.name for row in ROWS])
def test_the_ring_is_around_what_was_asked_for(chosen: str) -> None:
    root = drawn(chosen=chosen)
    (ring,) = of_class(root, "circle", "ring")
    (mark,) = [
        each for each in root.iter() if each.tag in {"circle", "rect"} and tooltip(each).startswith(f"{chosen}:")
    ]
    middle = at(mark, "cx", "cy") if mark.tag == "circle" else tuple(v + 4.5 for v in at(mark, "x", "y"))
    assert at(ring, "cx", "cy") == pytest.approx(middle)


def test_what_is_not_defined_is_not_drawn() -> None:
    nothing = ROWS[-1].model_copy(update={"answer_depth": None, "answer_accuracy": None})
    assert len(of_class(drawn([*ROWS[:-1], nothing]), "circle", "mark")) == 2
    assert not of_class(drawn([nothing, nothing]), "path", "curve")


@pytest.mark.parametrize(
    ("low", "lowest"), [(0.9993, "99.5"), (0.97, "96"), (0.81, "80"), (0.42, "40"), (0.03, "0"), (1.0, "99.5")]
)
def test_the_axis_begins_below_the_worst(low: float, lowest: str) -> None:
    rows = [row.model_copy(update={"answer_accuracy": max(low, 0.99)}) for row in ROWS[:-1]]
    found = words(drawn([*rows, ROWS[-1].model_copy(update={"answer_accuracy": low})]))
    assert lowest in found
    assert "100" in found


def test_a_deep_tree_has_whole_levels_only() -> None:
    rows = [row.model_copy(update={"answer_depth": 2.5 * (row.answer_depth or 0)}) for row in ROWS]
    assert "1.5" in words(drawn())
    assert "1.5" not in words(drawn(rows))
