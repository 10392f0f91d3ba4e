"""What is noted of files that were fetched."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from hypsegcli.checkpoint.remote.kept import Kept, cache_folder, recall, remember


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"bytes")
    return Kept(str(path), 5, hashlib.sha256(b"bytes").hexdigest(), "0" * 40, "m.safetensors", "2026-11-30")


def test_it_is_sound_as_long_as_its_bytes_are_what_they_were(kept: Kept) -> None:
    assert kept.is_sound
    Path(kept.path).write_bytes(b"BYTES")
    assert not kept.is_sound
    Path(kept.path).unlink()
    assert not kept.is_sound


def test_what_is_noted_is_found_again_at_its_hub_alone(kept: Kept) -> None:
    assert recall("https://a.org", "hf://a/b@main") is None
    remember("https://a.org", "hf://a/b@main", kept)
    assert recall("https://a.org", "hf://a/b@main") == kept
    assert recall("https://b.org", "hf://a/b@main") is None
    assert recall("https://a.org", "hf://a/b@next") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"path": "a"}', "[" * 100_000, "\0"])
def test_a_note_that_is_none_is_as_if_it_were_not_there(kept: Kept, text: str) -> None:
    remember("https://a.org", "hf://a/b@main", kept)
    (note,) = cache_folder().rglob("*.json")
    note.write_text(text)
    assert recall("https://a.org", "hf://a/b@main") is None
    note.write_text(json.dumps(kept._asdict() | {"bytes": "5"}))
    assert recall("https://a.org", "hf://a/b@main") is None


def test_where_nothing_can_be_noted_nothing_is_said(kept: Kept) -> None:
    cache_folder().parent.mkdir(parents=True)
    cache_folder().write_bytes(b"a file in its place")
    remember("https://a.org", "hf://a/b@main", kept)
    assert recall("https://a.org", "hf://a/b@main") is None
