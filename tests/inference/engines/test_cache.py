"""Converted networks appear whole or not at all, and a cache that cannot be written stops nobody."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hypsegcli.inference.engines.cache import converted


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hypseg" / "networks"


def write(folder: Path) -> None:
    (folder / "network").write_text("x")


def test_it_is_converted_once_for_the_same_parts(networks: Path) -> None:
    calls: list[Path] = []

    def convert(new: Path) -> None:
        calls.append(new)
        write(new)

    for sha256, parts in (("a" * 64, ("one",)), ("a" * 64, ("one",)), ("a" * 64, ("two",)), ("b" * 64, ("one",))):
        folder = converted(sha256, parts=parts, convert=convert)
        assert (folder / "network").read_text() == "x"
        assert folder.parent == networks
    assert len(calls) == 3
    assert len(list(networks.iterdir())) == 3


def test_a_conversion_that_fails_leaves_nothing(networks: Path) -> None:
    def fail(new: Path) -> None:
        write(new)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        converted("a" * 64, parts=("one",), convert=fail)
    assert not list(networks.iterdir())
    assert (converted("a" * 64, parts=("one",), convert=write) / "network").exists()


def test_what_was_not_used_for_long_goes_when_another_is_converted(networks: Path) -> None:
    def age(folder: Path, days: float) -> Path:
        os.utime(folder, (time.time() - days * 86_400,) * 2)
        return folder

    old, used, young = (converted(letter * 64, parts=("one",), convert=write) for letter in "abc")
    half, fresh, foreign = networks / ".new-half", networks / ".new-fresh", networks / "thesis"
    for folder in (half, fresh, foreign):
        folder.mkdir()
    age(old, 61), age(used, 61), age(young, 59), age(half, 1.1), age(fresh, 0.9), age(foreign, 1000)
    assert converted("b" * 64, parts=("one",), convert=write) == used
    assert old.exists()
    made = converted("d" * 64, parts=("one",), convert=write)
    assert set(networks.iterdir()) == {used, young, fresh, foreign, made}


def test_another_process_may_be_faster(networks: Path) -> None:
    def slow(new: Path) -> None:
        write(new)
        first = converted("a" * 64, parts=("one",), convert=write)
        (first / "network").write_text("theirs")

    folder = converted("a" * 64, parts=("one",), convert=slow)
    assert (folder / "network").read_text() == "theirs"
    assert list(networks.iterdir()) == [folder]


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = converted("a" * 64, parts=("one",), convert=write)
    assert (folder / "network").read_text() == "x"
    assert tmp_path not in folder.parents
