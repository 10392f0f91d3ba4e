"""Lines of a manifest, read when they are asked for: what they say is what all of them say, read at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.run.lines import Lines, Selection, write_lines
from hypsegcli.run.manifest import files_named_by, is_line

NO_FILES: dict[str, Any] = {"outputs": {}, "bytes": {}, "sha256": {}}
FILES = {"outputs": {"labels": "labels/a.png"}, "bytes": {"labels": 7}, "sha256": {"labels": "0" * 64}}


def stale(key: str, files: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "input": f"/photos/{key}.jpg", "status": "stale", **files}


def failed(key: str, reason: str) -> dict[str, Any]:
    return {"key": key, "input": f"/photos/{key}.jpg", "status": "failed", "reason": reason}


def at_once(data: bytes) -> dict[str, dict[str, Any]]:
    """The rule itself: the last line of each image, and of one that failed, the files that an earlier one names."""
    lines: dict[str, dict[str, Any]] = {}
    for raw in data.split(b"\n"):
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            continue
        if is_line(line):
            if line["status"] == "failed":
                line = files_named_by(lines.get(line["key"], {})) | line
            lines[line["key"]] = line
    return lines


KEYS = st.sampled_from(["a", "b", "sub/c", "\N{CYRILLIC SMALL LETTER EN}"])
RAW = st.one_of(
    st.builds(lambda key: json.dumps(stale(key, FILES)).encode(), KEYS),
    st.builds(lambda key: json.dumps(stale(key, NO_FILES)).encode(), KEYS),
    st.builds(lambda key, reason: json.dumps(failed(key, reason)).encode(), KEYS, st.sampled_from(["x", "y"])),
    st.sampled_from([b"", b"{", b"[]", b"3", b'{"key": "a"}', b"\xff\xfe", b"[" * 5000, b"9" * 5000, b"\0", b"\r"]),
)


@given(st.lists(RAW, max_size=12), st.sampled_from([b"", b"\n", b'{"key": "a", "inp']))
def test_lines_are_those_read_at_once(tmp_path_factory: Any, raws: list[bytes], end: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "manifest.jsonl"
    path.write_bytes(b"\n".join(raws) + end)
    lines = Lines(path)
    assert dict(lines) == at_once(path.read_bytes())
    assert list(lines) == list(at_once(path.read_bytes()))
    assert len(lines) == len(list(lines))
    assert "nobody" not in lines


def test_there_are_none_where_there_is_no_manifest(tmp_path: Path) -> None:
    assert dict(Lines(tmp_path / "manifest.jsonl")) == {}


def test_lines_stay_what_they_were_when_the_manifest_is_replaced_by_them(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    write_lines(path, [stale("a", FILES), failed("b", "x"), stale("c", NO_FILES)])
    lines = Lines(path)
    before = dict(lines)
    write_lines(path, (line for key, line in lines.items() if key != "b"))
    assert dict(lines) == before
    assert list(Lines(path)) == ["a", "c"]
    with path.open("ab") as file:
        file.write(json.dumps(failed("c", "y")).encode())
    assert list(Lines(path)) == ["a", "c"]
    assert list(lines) == ["a", "b", "c"]


def test_a_selection_is_made_as_often_as_it_is_gone_through() -> None:
    selection = Selection(["a", "b"], lambda key: stale(key, NO_FILES))
    assert [line["key"] for line in selection] == [line["key"] for line in selection] == ["a", "b"]
    assert len(selection) == 2
    assert bool(Selection([], lambda key: {})) is False
    assert stale("b", NO_FILES) in selection
