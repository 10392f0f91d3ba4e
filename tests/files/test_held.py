"""Who holds what, told across descriptors as across processes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hypsegcli.files.held import holding, holding_folder, in_turn, is_held

pytest.importorskip("fcntl")


def test_a_file_is_held_for_the_block_even_where_it_is_closed_in_it(tmp_path: Path) -> None:
    with (tmp_path / "a").open("xb") as file, holding(file):
        file.close()
        assert is_held(tmp_path / "a")
    assert not is_held(tmp_path / "a")


def test_a_folder_is_held_under_its_next_name_too(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with holding_folder(tmp_path / "a"):
        assert is_held(tmp_path / "a")
        (tmp_path / "a").rename(tmp_path / "b")
        assert is_held(tmp_path / "b")
    assert not is_held(tmp_path / "b")


def test_turns_are_taken_and_patience_has_an_end(tmp_path: Path) -> None:
    with in_turn(tmp_path, patience=0):
        started = time.monotonic()
        with in_turn(tmp_path, patience=0.2):
            assert 0.2 <= time.monotonic() - started < 5
    with in_turn(tmp_path / "none", patience=9), in_turn(tmp_path, patience=9):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_what_is_not_there_cannot_be_told(tmp_path: Path) -> None:
    assert is_held(tmp_path / "none")
