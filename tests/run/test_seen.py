"""What a person sees of an image: another map and another photograph are another word, and what else changes is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.labelled_runs import STREETS, blobs, make_run

from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.seen import seen_in


@pytest.fixture
def line(tmp_path: Path) -> dict[str, Any]:
    return dict(read_manifest(make_run(tmp_path, STREETS, {"a": blobs(3)}))["a"])


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        ({"sha256": {"labels": "0" * 64}}, True),
        ({"source": {"bytes": 1, "sha256": "0" * 64}}, True),
        ({"recipe": "other"}, False),
        ({"input": "elsewhere/a.png", "notes": ["a note"], "key": "b"}, False),
    ],
)
def test_it_tells_maps_and_photographs_apart(line: dict[str, Any], change: dict[str, Any], is_another: bool) -> None:
    assert (seen_in(line | change) != seen_in(line)) is is_another


def test_where_there_is_no_map_what_makes_them_counts(line: dict[str, Any]) -> None:
    line |= {"outputs": {}, "bytes": {}, "sha256": {}}
    assert seen_in(line) != seen_in(line | {"recipe": "other"})


def test_no_spreadsheet_makes_a_number_of_it(line: dict[str, Any]) -> None:
    for number in range(200):
        seen = seen_in(line | {"source": {"bytes": 1, "sha256": str(number)}})
        assert seen.isalpha()
        assert (seen.islower(), len(seen)) == (True, 12)


def test_nothing_is_seen_of_what_is_not_done(line: dict[str, Any]) -> None:
    assert seen_in(None) == seen_in(line | {"status": "failed"}) == ""
