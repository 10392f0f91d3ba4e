"""What is asked of a store, and how often."""

from __future__ import annotations

import pytest
from support.stores import Store

from hypsegcli.errors import PlanError
from hypsegcli.files.digest import Digest, digest_file, digest_of
from hypsegcli.files.place import StorePath, is_gone_from, locate, looking_ahead, scan
from hypsegcli.files.stores.listing import digest_noted, look, note_digest, tag_of


def place(store: Store, key: str = "") -> StorePath:
    found = locate(store.at(key))
    assert isinstance(found, StorePath)
    return found


def names(folder: StorePath) -> list[str]:
    with scan(folder) as entries:
        return [entry.name for entry in entries]


def test_a_folder_is_what_lies_below(store: Store) -> None:
    for key in ("a/b/c.png", "a/b.png", "a/folder/", "a b/ü?[1]%20#.png"):
        store[key] = b"1"
    assert names(place(store)) == ["a", "a b"]
    assert names(place(store, "a")) == ["b", "b.png", "folder"]  # `folder/` is how consoles make one
    assert names(place(store, "a/folder")) == []
    assert place(store, "a/folder").is_dir()
    assert names(place(store, "a b")) == ["ü?[1]%20#.png"]
    assert place(store, "a b/ü?[1]%20#.png").is_file()
    assert not place(store, "a/b.pn").is_dir()  # no part of a name


def test_much_is_asked_by_listings(store: Store) -> None:
    for number in range(30):
        store[f"a/{number}.png"] = b"1"
    with looking_ahead():
        assert all(place(store, f"a/{number}.png").is_file() for number in range(30))
        assert not any(place(store, f"a/{number}.jpg").exists() for number in range(300))
    assert len(store.asked) <= 10
    assert all(place(store, f"a/{number}.png").is_file() for number in range(5))  # outside, each is asked for
    assert store.count("HEAD") >= 5


def test_a_listing_knows_what_this_process_changes(store: Store) -> None:
    for number in range(9):
        store[f"a/{number}"] = b"1"
    with looking_ahead():
        assert len(names(place(store, "a"))) == 9
        place(store, "a/3").unlink()
        assert not place(store, "a/3").exists()
        assert len(names(place(store, "a"))) == 8


def test_names_that_no_folder_can_have_are_told(store: Store) -> None:
    store["a/x//y.png"] = b"1"
    with pytest.raises(PlanError, match="empty part"):
        names(place(store, "a/x"))


def test_what_is_gone_from_its_folder(store: Store) -> None:
    store["a/b"] = b"1"
    assert is_gone_from(place(store, "a/c"))
    assert not is_gone_from(place(store, "a/b"))
    assert not is_gone_from(place(store, "nothing/c"))


def test_an_object_of_a_known_etag_is_not_read(store: Store) -> None:
    store["a"] = b"12345"
    known, at = digest_of(b"12345"), place(store, "a")
    seen = look(at)
    assert seen is not None
    with looking_ahead():
        note_digest(at, seen.etag, *known)
        before = store.count("GET", "/a")
        assert digest_file(at) == known
        assert store.count("GET", "/a") == before
        note_digest(at, seen.etag, 4, "of a file of another size")
        assert digest_file(at) == known  # it is read
        assert store.count("GET", "/a") == before + 1
    assert digest_noted(at) is None  # after the block
    store["a"] = b"123456"
    with looking_ahead():
        note_digest(at, seen.etag, *known)
        assert digest_file(at) == digest_of(b"123456") != known
    del store["a"]
    with looking_ahead():
        note_digest(at, seen.etag, *known)
        assert digest_file(at) is None


@pytest.mark.parametrize(("given", "tag"), [('"a1"', "a1"), ('W/"a1"', "a1"), ("a1", "a1"), (None, "")])
def test_etags_are_compared_without_what_stands_around_them(given: str | None, tag: str) -> None:
    assert tag_of(given) == tag
    assert Digest(1, "a") == Digest(1, "a")
