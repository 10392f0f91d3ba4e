"""The legend of a disk: shares, and what a long one leaves out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hypsegcli.pictures.disk.legend import MARGIN, legend
from hypsegcli.pictures.drawing.figure import Picture, Text, text_width


def test_small_shares_are_not_rounded_to_nothing() -> None:
    _, marks = legend(
        None, [("a", (1, 2, 3), 0.9996), ("b", (1, 2, 3), 4e-4)], inner_nodes=False, prototypes=False, height=1000.0
    )
    assert {mark.words for mark in marks if isinstance(mark, Text)} >= {"100.0 %", "< 0.1 %"}


@pytest.mark.parametrize(("shape", "count"), [(None, 60), ((30, 40), 60), ((40, 30), 60), ((10, 90), 10), (None, 34)])
def test_legends_that_are_too_long_sum_up_the_rest(shape: tuple[int, int] | None, count: int) -> None:
    photograph = None if shape is None else np.zeros((*shape, 3), np.uint8)
    shares = [(f"class {index}", (1, 2, 3), 1.0 / count) for index in range(count)]
    width, marks = legend(photograph, shares, inner_nodes=True, prototypes=False, height=1168.0)
    words = [mark.words for mark in marks if isinstance(mark, Text)]
    listed = sum(word.startswith("class ") for word in words)
    more = [word for word in words if word.endswith(" more")]
    assert listed == count if not more else more == [f"{count - listed} more"]
    assert sum(float(word[:-1]) for word in words if word.endswith("%")) == pytest.approx(100, abs=0.06 * count)
    places = [(mark.x, mark.y) for mark in marks if isinstance(mark, Text)]
    assert len(set(places)) == len(places)
    assert max(y for _, y in places) < 1168.0 - MARGIN
    rows = [mark for mark in marks if isinstance(mark, Text)]
    for name, share in pairwise(rows):
        if share.anchor == "end":
            assert name.y == share.y
            assert name.x + text_width(name.words, name.size) < share.x - text_width(share.words, share.size)
    keys = min(mark.y for mark in marks if isinstance(mark, Text) and mark.words.startswith(("inner", "distance")))
    assert all(mark.y < keys - 25 for mark in marks if isinstance(mark, Text) and mark.words.startswith("class "))
    for mark in marks:
        if isinstance(mark, Picture):
            assert max(mark.width, mark.height) == pytest.approx(560)
            assert shape is not None
            assert mark.width / mark.height == pytest.approx(shape[1] / shape[0])
            assert mark.y + mark.height < min(y for _, y in places) - 15
        assert not isinstance(mark, Text) or mark.x <= width
