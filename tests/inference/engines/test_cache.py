"""Converted networks appear whole or not at all, and a cache that cannot be written stops nobody."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hypsegcli.files.held import holding_folder
from hypsegcli.inference.engines.cache import converted, keep_note, read_note


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hypseg" / "networks"


def write(folder: Path) -> None:
    (folder / "network").write_text("x")


def refuse(_: Path) -> None:
    pytest.fail("converted again")


def cached(sha256: str, *, parts: tuple[str, ...], convert: Callable[[Path], None], patience: float = 0) -> Path:
    return converted(sha256, parts=parts, room=10, convert=convert, tell=pytest.fail, patience=patience)


def test_it_is_converted_once_for_the_same_parts(networks: Path) -> None:
    calls: list[Path] = []

    def convert(new: Path) -> None:
        calls.append(new)
        write(new)

    for sha256, parts in (("a" * 64, ("one",)), ("a" * 64, ("one",)), ("a" * 64, ("two",)), ("b" * 64, ("one",))):
        folder = cached(sha256, parts=parts, convert=convert)
        assert (folder / "network").read_text() == "x"
        assert folder.parent == networks
    assert len(calls) == 3
    assert len(list(networks.iterdir())) == 3


def test_of_several_that_begin_together_one_converts(networks: Path) -> None:
    calls: list[Path] = []

    def convert(new: Path) -> None:
        calls.append(new)
        time.sleep(0.3)
        write(new)

    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda _: cached("a" * 64, parts=("one",), convert=convert, patience=60), range(3)))
    assert len(set(folders)) == 1
    assert len(calls) == 1
    assert list(networks.iterdir()) == folders[:1]


def test_a_conversion_that_fails_leaves_nothing(networks: Path) -> None:
    def fail(new: Path) -> None:
        write(new)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("a" * 64, parts=("one",), convert=fail)
    assert not list(networks.iterdir())
    assert (cached("a" * 64, parts=("one",), convert=write) / "network").exists()


def test_what_was_not_used_for_long_goes_when_another_is_converted(networks: Path) -> None:
    def age(folder: Path, days: float) -> Path:
        os.utime(folder, (time.time() - days * 86_400,) * 2)
        return folder

    old, used, young = (cached(letter * 64, parts=("one",), convert=write) for letter in "abc")
    half, fresh, foreign = networks / ".new-half", networks / ".new-fresh", networks / "thesis"
    for folder in (half, fresh, foreign):
        folder.mkdir()
    age(old, 61), age(used, 61), age(young, 59), age(half, 0.1), age(foreign, 1000)
    assert cached("b" * 64, parts=("one",), convert=write) == used
    assert old.exists()
    made = cached("d" * 64, parts=("one",), convert=write)
    assert set(networks.iterdir()) == {used, young, fresh, foreign, made}


def test_a_conversion_whose_process_was_killed_goes_soon_and_one_under_way_stays(networks: Path) -> None:
    networks.mkdir(parents=True)
    for name in (".new-killed", ".new-living", ".new-begun"):
        (networks / name).mkdir()
    for name in (".new-killed", ".new-living"):
        os.utime(networks / name, (time.time() - 120,) * 2)
    with holding_folder(networks / ".new-living"):
        cached("a" * 64, parts=("one",), convert=write)
    assert not (networks / ".new-killed").exists()
    assert (networks / ".new-living").exists()
    assert (networks / ".new-begun").exists()


def test_another_process_may_be_faster(networks: Path) -> None:
    def write_theirs(new: Path) -> None:
        (new / "network").write_text("theirs")

    def slow(new: Path) -> None:
        write(new)
        cached("a" * 64, parts=("one",), convert=write_theirs)

    folder = cached("a" * 64, parts=("one",), convert=slow)
    assert (folder / "network").read_text() == "theirs"
    assert list(networks.iterdir()) == [folder]


def test_what_took_the_place_meanwhile_is_not_believed_unread(networks: Path) -> None:
    """As where a network that is not what was sealed may not be removed."""
    told: list[str] = []

    def slow(new: Path) -> None:
        write(new)
        spoil_content(cached("a" * 64, parts=("one",), convert=write))

    folder = converted("a" * 64, parts=("one",), room=10, convert=slow, tell=told.append)
    assert (folder / "network").read_text() == "x"
    (sentence,) = told
    assert "cannot be replaced" in sentence
    assert "converted again the next time" in sentence
    cached("a" * 64, parts=("one",), convert=write)
    assert (cached("a" * 64, parts=("one",), convert=refuse) / "network").read_text() == "x"


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    told: list[str] = []
    folder = converted("a" * 64, parts=("one",), room=10, convert=write, tell=told.append)
    assert (folder / "network").read_text() == "x"
    assert tmp_path not in folder.parents
    assert len(told) == 1
    assert "converted again the next time" in told[0]


def test_a_cache_without_room_says_so_before_anything_is_converted(networks: Path) -> None:
    """As on a disk that is full: here files may have a kilobyte until it is told."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    told: list[str] = []

    def tell(sentence: str) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        told.append(sentence)

    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        folder = converted("a" * 64, parts=("one",), room=3 * 2**20, convert=write, tell=tell)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in folder.iterdir() if path.name != "digests.json"] == ["network"]
    assert networks not in folder.parents
    assert not list(networks.iterdir())
    (sentence,) = told
    assert f"{networks}: cannot be written (File too large)" in sentence


def spoil_content(folder: Path) -> None:
    (folder / "network").write_text("y")


def spoil_seal(folder: Path) -> None:
    (folder / "digests.json").write_text("[")


def remove_file(folder: Path) -> None:
    (folder / "network").unlink()


def replace_by_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("x")


def replace_by_dangling_link(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder.parent / "nowhere")


@pytest.mark.parametrize("spoil", [spoil_content, spoil_seal, remove_file, replace_by_file, replace_by_dangling_link])
def test_what_is_not_what_was_converted_is_converted_again(networks: Path, spoil: Callable[[Path], None]) -> None:
    folder = cached("a" * 64, parts=("one",), convert=write)
    spoil(folder)
    assert cached("a" * 64, parts=("one",), convert=write) == folder
    assert (folder / "network").read_text() == "x"
    assert not folder.is_symlink()
    assert list(networks.iterdir()) == [folder]


@pytest.mark.parametrize("text", ["{}", "[]", "1", '{"of": 1, "digests": 2}', '{"of": "x", "digests": [1]}'])
def test_a_seal_of_another_shape_is_none(networks: Path, text: str) -> None:
    folder = cached("a" * 64, parts=("one",), convert=write)
    spoil_content(folder)
    (folder / "digests.json").write_text(text)
    assert (cached("a" * 64, parts=("one",), convert=write) / "network").read_text() == "x"


@pytest.mark.parametrize("other", [("b" * 64, "one"), ("a" * 64, "two")])
def test_networks_that_have_changed_places_are_converted_again(networks: Path, other: tuple[str, str]) -> None:
    """Their files are whole, and those of another: the name alone would not tell."""

    def write_other(new: Path) -> None:
        (new / "network").write_text("other")

    sha256, part = other
    folder = cached("a" * 64, parts=("one",), convert=write)
    theirs = cached(sha256, parts=(part,), convert=write_other)
    folder.rename(networks / "aside")
    theirs.rename(folder)
    assert (cached("a" * 64, parts=("one",), convert=write) / "network").read_text() == "x"


def test_a_digest_that_only_begins_alike_is_another(networks: Path) -> None:
    folder = cached("a" * 16 + "b" * 48, parts=("one",), convert=spoil_content)
    assert (folder / "network").read_text() == "y"
    assert cached("a" * 64, parts=("one",), convert=write) == folder
    assert (folder / "network").read_text() == "x"


def test_a_note_blesses_nothing_that_has_changed(networks: Path) -> None:
    folder = cached("a" * 64, parts=("one",), convert=write)
    spoil_content(folder)
    keep_note(folder, "note.json", {"bytes": 1.0})
    assert (cached("a" * 64, parts=("one",), convert=write) / "network").read_text() == "x"


def test_notes_are_believed_as_they_were_kept(networks: Path) -> None:
    folder, found = cached("a" * 64, parts=("one",), convert=write), {"bytes": 1.0}
    (folder / "note.json").write_text('{"bytes": 2.0}')
    assert read_note(cached("a" * 64, parts=("one",), convert=refuse), "note.json") == {}
    keep_note(folder, "note.json", found)
    assert read_note(cached("a" * 64, parts=("one",), convert=refuse), "note.json") == found
    (folder / "note.json").write_text('{"bytes": 2.0}')
    assert read_note(cached("a" * 64, parts=("one",), convert=write), "note.json") == {}
