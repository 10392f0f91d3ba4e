"""Addresses as paths: what they are called, and what is refused."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest
from support.stores import Store

from hypsegcli.errors import UsageError
from hypsegcli.files.place import StorePath, is_address, is_taken, locate, real


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_an_address_is_a_path_that_keeps_both_slashes(scheme: str) -> None:
    place = locate(f"{scheme}://bucket/a folder/b.png")
    assert isinstance(place, StorePath)
    assert str(place) == f"{scheme}://bucket/a folder/b.png"
    assert (place.store, place.object_key) == (f"{scheme}://bucket", "a folder/b.png")
    assert str(place.parent / "c" / "d.tif") == f"{scheme}://bucket/a folder/c/d.tif"
    assert (place.stem, place.suffix, place.is_absolute()) == ("b", ".png", True)
    assert place.relative_to(place.parents[1]).as_posix() == "a folder/b.png"
    assert list(map(str, place.parents)) == [f"{scheme}://bucket/a folder", f"{scheme}://bucket"]
    assert real(place.parents[1]) == f"{scheme}://bucket"


def test_however_it_is_written_it_is_one_place() -> None:
    place = locate("s3://bucket/a/b")
    assert {locate(given) for given in ("S3://bucket/a/b/", Path("s3://bucket/a/b"), place, str(place))} == {place}
    assert len({place, locate("gs://bucket/a/b"), locate("s3://bucket/a")}) == 3


@pytest.mark.parametrize("given", ["a/b", "/s3/b", "./x", "C:/b", "s3", "s3:b", "file://a", "hf://a/b", "s4://b"])
def test_other_names_are_paths_of_this_machine(given: str) -> None:
    assert type(locate(given)) is type(Path(given))
    assert not is_address(given)


def test_the_operating_system_takes_it_for_no_path() -> None:
    """What has been forgotten to ask the store, fails, and makes no folder called s3: here."""
    place = locate("s3://bucket/a")
    for call in (os.fspath, os.listdir, open, os.path.lexists):
        with pytest.raises(TypeError, match="s3://bucket/a is no path of this machine"):
            call(place)


@pytest.mark.parametrize(
    "place",
    [locate("s3://b/a.png"), locate("https://h.example/a.png?sig=1"), locate("s3://b/a").relative_to(locate("s3://b"))],
)
def test_other_processes_get_the_same(place: StorePath) -> None:
    for again in (pickle.loads(pickle.dumps(place)), copy.deepcopy(place)):
        assert (again, again.query, str(again)) == (place, place.query, str(place))


def test_a_signature_is_used_and_not_shown() -> None:
    place = locate("https://host.example:8443/a%20b/c.jpg?X-Amz-Signature=SECRET#part")
    assert isinstance(place, StorePath)
    assert str(place) == "https://host.example:8443/a%20b/c.jpg"
    assert place.query == "X-Amz-Signature=SECRET"
    assert "SECRET" not in f"{place!r}{place}{real(place)}"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("s3://", "names no bucket"),
        ("s3://buck*/a.png", "names no bucket"),
        ("s3://bucket//a.png", "empty name"),
        ("gs://bucket/a/../b.png", "empty name"),
        ("https://host.example", "names no file"),
        ("http://host.example/a.png", "https address"),
        ("https://me:hunter2@host.example/a.png", "no user"),
        ("https://[::1/a.png", "no address that can be read"),
    ],
)
def test_what_is_no_address_is_refused(given: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as refused:
        locate(given)
    assert "hunter2" not in str(refused.value)


def test_it_answers_as_a_path_does(store: Store, tmp_path: Path) -> None:
    """The same questions of the same files, here and there."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.bin").write_bytes(b"12345")
    here, there = tmp_path, locate(store.fill(tmp_path, "top"))
    for name in ("a", "a/b.bin", "a/c.bin", "b", "a/b.bin/c"):
        ours, theirs = here / name, there / name
        for question in (Path.exists, Path.is_file, Path.is_dir, Path.is_symlink):
            assert getattr(theirs, question.__name__)() == question(ours), (name, question)
        assert is_taken(theirs) == is_taken(ours)
    assert (there / "a/b.bin").stat().st_size == 5
    assert (there / "a/b.bin").open("rb").read() == b"12345"
    with pytest.raises(FileNotFoundError):
        (there / "c").stat()


def test_its_number_changes_with_what_it_holds(store: Store) -> None:
    place = locate(store.at("a"))
    numbers = []
    for data in (b"1", b"2", b"1"):
        store["a"] = data
        numbers.append(place.stat())
    assert os.path.samestat(numbers[0], numbers[2])
    assert not os.path.samestat(numbers[0], numbers[1])
