"""Folders in folders, however they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hypsegcli.files.within import folders_around, is_within


def test_a_folder_lies_in_itself_and_in_all_above_it(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "beside").mkdir()
    assert is_within(tmp_path / "a", tmp_path / "a")
    assert is_within(tmp_path / "a/b/not there yet/nor that", tmp_path / "a")
    assert not is_within(tmp_path / "a", tmp_path / "a/b")
    assert not is_within(tmp_path / "beside", tmp_path / "a")
    assert folders_around(tmp_path / "a/b")[:2] == (tmp_path / "a/b", tmp_path / "a")


def test_links_and_ways_from_here_are_seen_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    assert is_within(tmp_path / "link/new", tmp_path / "a")
    assert is_within(tmp_path / "a/b/new", tmp_path / "link")
    monkeypatch.chdir(tmp_path / "a/b")
    assert is_within(Path("new"), tmp_path / "a")
    assert not is_within(Path("../../new"), tmp_path / "a")
