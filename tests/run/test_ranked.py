"""Lines by rank: laws on lines made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hypsegcli.run.ordering import Ordering
from hypsegcli.run.ranked import Entries, score_of, signatures_of

LINES: dict[str, dict[str, Any]] = {
    "b": {"key": "b", "scores": [3.0, 1.0], "signature": "01" * 64, "summary": {"mean": 0.5, "expected_wrong": 7}},
    "a": {"key": "a", "scores": [1.0, -2.0, 9.0], "summary": {"mean": 0.25}},
    "c": {"key": "c", "scores": [], "summary": {}},
}


def entries() -> Entries:
    return Entries.of(LINES, lambda line: ((score, f"class {score % 2:g}") for score in line["scores"]))


def test_entries_are_those_of_the_lines_by_key() -> None:
    found = entries()
    assert (len(found), list(found.keys)) == (5, ["a", "b"])
    assert found.owners.tolist() == [0, 0, 0, 1, 1]
    assert found.places.tolist() == [0, 1, 2, 0, 1]
    assert found.scores.tolist() == [1.0, 0.0, 9.0, 3.0, 1.0]
    assert len(Entries.of(LINES, lambda _: ())) == 0


@pytest.mark.parametrize("most", [1, 2, 100])
def test_rows_are_in_the_order_that_was_asked_for(most: int) -> None:
    read = []

    class Lines(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            read.append(key)
            return super().__getitem__(key)

    rows = entries().rows(Lines(LINES), np.array([2, 3, 0, 4]), lambda line, place: (line["key"], place), most=most)
    assert list(rows) == [(1, "a", 2), (2, "b", 0), (3, "a", 0), (4, "b", 1)]
    assert len(read) == (2 if most == 100 else 4)


@pytest.mark.parametrize(("quota", "quotas"), [(None, None), (0.5, 0.5), ({"class 1": 0.2, "class 7": 0.1}, {0: 0.2})])
def test_quotas_are_by_number(quota: Any, quotas: object) -> None:
    assert entries().quotas(Ordering(quota=quota)) == quotas


def test_of_lines_that_lack_something_it_is_nothing() -> None:
    assert signatures_of(LINES, ["a", "b"]).tolist() == [[0] * 64, [1] * 64]
    assert [score_of(LINES[key], Ordering()) for key in "abc"] == [0.25, 0.5, 0.0]
    assert [score_of(LINES[key], Ordering("expected")) for key in "abc"] == [0.0, 7.0, 0.0]
