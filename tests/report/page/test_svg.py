"""The pieces that charts are made of: scales, ticks, axes, texts, numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.charts import at, parse, place_of

from hypsegcli.report.page.svg import Scale, drawing, percent, round_ticks, score, square_axes, text


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


def test_numbers_as_printed() -> None:
    assert [percent(0.12345), percent(0.12345, 2), percent(None)] == ["12.3", "12.35", "–"]  # noqa: RUF001
    assert [score(-0.5, 2), score(1 / 3, 3), score(None, 1)] == ["−0.50", "0.333", "–"]  # noqa: RUF001


def test_a_text_escapes_what_it_says() -> None:
    assert str(text(1, 2, "<")) == '<text x="1" y="2" text-anchor="start">&lt;</text>'
    assert 'class="faint"' in text(1, 2, "<", class_="faint")
