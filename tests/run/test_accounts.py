"""The books of shards, read as one run's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hypsegcli.files.books import Books
from hypsegcli.files.shard import Shard
from hypsegcli.run.accounts import read_manifest, read_run, shards_of, take_over
from hypsegcli.run.lines import write_lines
from hypsegcli.run.manifest import for_another, without_result
from hypsegcli.run.unfinished import never_done, reached


def failed(key: str, reason: str) -> dict[str, Any]:
    return {"key": key, "input": f"/photos/{key}.jpg", "status": "failed", "reason": reason}


def book(
    out: Path,
    shard: Shard | None,
    lines: Sequence[dict[str, Any]],
    *,
    at: int,
    generation: int = 0,
    rest: Sequence[str] = (),
    **more: Any,
) -> None:
    out.mkdir(exist_ok=True)
    write_lines(Books(out, shard).manifest, lines)
    run = {
        "status": "running" if rest else "finished",
        "started": f"2026-01-01T00:00:{at:02}Z",
        "options": {"workers": 1},
        "shard": {"generation": generation},
        "unfinished": {
            "images": {key: f"{key}.jpg" for key in rest},
            "directory": "/photos",
            "outputs": {"labels": ".png"},
            "files": [],
        },
        **more,
    }
    Books(out, shard).run.write_text(json.dumps(run))


def test_what_the_newest_says_of_an_image_holds(tmp_path: Path) -> None:
    book(tmp_path, Shard(0, 3), [failed("a", "old"), failed("b", "only")], at=3)
    book(tmp_path, Shard(1, 2), [failed("a", "new")], at=7)
    book(tmp_path, None, [failed("a", "oldest"), failed("c", "of the run")], at=1)
    assert {key: line["reason"] for key, line in read_manifest(tmp_path).items()} == {
        "a": "new",
        "b": "only",
        "c": "of the run",
    }


def test_what_a_shard_keeps_for_another_holds_only_where_that_has_none(tmp_path: Path) -> None:
    book(tmp_path, Shard(0, 2), [failed("a", "own")], at=3)
    kept = [for_another(failed("a", "kept")), for_another(failed("b", "kept"))]
    book(tmp_path, Shard(1, 2), kept, at=7)
    lines = read_manifest(tmp_path)
    assert {key: line["reason"] for key, line in lines.items()} == {"a": "own", "b": "kept"}
    assert "of_another" not in lines["b"]


@pytest.mark.parametrize(
    ("age", "holds"),
    [([2, ""], "kept"), ([1, "2999-01-01T00:00:00Z"], "kept"), ([1, ""], "own"), ([0, ""], "own"), (True, "own")],
)
def test_what_a_shard_keeps_holds_where_another_s_is_older(tmp_path: Path, age: object, holds: str) -> None:
    book(tmp_path, Shard(0, 3), [failed("a", "own")], at=3, generation=1)
    book(tmp_path, Shard(0, 2), [failed("a", "kept") | {"of_another": age}], at=7, generation=2)
    assert read_manifest(tmp_path)["a"]["reason"] == holds


def test_that_an_image_is_to_be_done_holds_where_no_book_says_more(tmp_path: Path) -> None:
    asked = [for_another(without_result(failed(key, ""), "stale")) for key in ("a", "b")]
    for line in asked:
        del line["reason"]
    book(tmp_path, Shard(0, 2), asked, at=3)
    book(tmp_path, Shard(1, 2), [for_another(failed("a", "kept"))], at=7)
    assert {key: line["status"] for key, line in read_manifest(tmp_path).items()} == {"a": "failed", "b": "stale"}


def test_one_run_owes_what_its_shards_do(tmp_path: Path) -> None:
    book(tmp_path, Shard(0, 2), [failed("a", "x")], at=3, rest=["a", "c", "e", "g"], owed=["ranking.csv"])
    book(tmp_path, Shard(1, 2), [failed("b", "x")], at=2, status="finished")
    run = read_run(tmp_path)
    assert run["status"] == "running"
    assert [line["key"] for line in never_done(run)] == ["c", "e", "g"]
    assert reached(run, read_manifest(tmp_path)) == ["c", "e"]  # a worker's, and the one behind
    assert run["owed"] == ["ranking.csv"]
    assert run["started"].endswith("03Z")  # of those that may have written without a line


def test_a_run_in_one_piece_takes_the_books_over(tmp_path: Path) -> None:
    book(tmp_path, Shard(0, 2), [failed("a", "x")], at=3, rest=["a", "c"])
    book(tmp_path, Shard(1, 2), [failed("b", "x")], at=2)
    lines, run = dict(read_manifest(tmp_path)), read_run(tmp_path)
    take_over(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.jsonl", "run.json"]
    assert shards_of(tmp_path) == [None]
    assert dict(read_manifest(tmp_path)) == lines
    taken = read_run(tmp_path)
    assert taken.pop("instead_of").keys() == {"0/2", "1/2"}
    assert taken == run
    take_over(tmp_path)
    assert read_run(tmp_path).items() >= run.items()


def test_a_taking_over_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    book(tmp_path, Shard(0, 2), [failed("a", "x")], at=3)
    book(tmp_path, Shard(1, 2), [failed("b", "x")], at=2)
    lines = dict(read_manifest(tmp_path))
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
    take_over(tmp_path)
    for path, data in list(kept.items())[1:3]:  # as if it had not come to these
        path.write_bytes(data)
    assert dict(read_manifest(tmp_path)) == lines
    take_over(tmp_path)
    assert dict(read_manifest(tmp_path)) == lines
    assert shards_of(tmp_path) == [None]


def test_books_that_hold_anything_are_read(tmp_path: Path) -> None:
    book(tmp_path, Shard(0, 2), [failed("a", "x")], at=3)
    for data in ("[]", "{", '{"started": [], "unfinished": 3, "options": "x", "owed": {}}'):
        Books(tmp_path, Shard(1, 2)).run.write_text(data)
        assert read_run(tmp_path)["counts"]["planned"] == 1
        assert set(read_manifest(tmp_path)) == {"a"}
