"""Objects written and removed."""

from __future__ import annotations

import io

import pytest
from support.stores import HALF, Store

from hypsegcli.errors import PlanError
from hypsegcli.files.atomic import replacing, write_atomically, writing
from hypsegcli.files.place import StorePath, locate
from hypsegcli.files.stores.listing import look
from hypsegcli.files.stores.objects import put, remove, take_tag


def place(store: Store, key: str) -> StorePath:
    found = locate(store.at(key))
    assert isinstance(found, StorePath)
    return found


@pytest.mark.parametrize("size", [0, 1000, 17 * 2**20])
def test_what_is_written_is_there_with_its_etag(store: Store, size: int) -> None:
    data = bytes(size)
    put(place(store, "a/b"), data)
    assert store["a/b"] == data
    put(place(store, "a/c"), io.BytesIO(data))
    assert store["a/c"] == data
    for key in ("a/b", "a/c"):
        seen = look(place(store, key))
        assert seen is not None
        assert take_tag(place(store, key)) == seen.etag
        assert take_tag(place(store, key)) == ""  # it is given once


def test_of_two_that_make_an_object_one_does(store: Store) -> None:
    put(place(store, "a"), b"1", create=True)
    with pytest.raises(FileExistsError):
        put(place(store, "a"), b"2", create=True)
    with pytest.raises(PlanError, match="there already"):
        write_atomically(place(store, "a"), b"3", replace=False)
    assert store["a"] == b"1"


def test_what_is_not_there_is_removed_without_a_word(store: Store) -> None:
    store["a"] = b"1"
    for _ in range(2):
        remove(place(store, "a"))
    assert store.keys() == []


def test_a_block_that_fails_writes_nothing(store: Store) -> None:
    def fail(key: str) -> None:
        with replacing(place(store, key)) as file:
            file.write(b"half")
            raise ZeroDivisionError

    def fail_with_two() -> None:
        with writing({place(store, "b"): b"1", place(store, "c"): b"2"}):
            assert store.keys() == ["a"]
            raise ZeroDivisionError

    store["a"] = b"1"
    for key in ("a", "b"):
        with pytest.raises(ZeroDivisionError):
            fail(key)
    with pytest.raises(ZeroDivisionError):
        fail_with_two()
    assert (store.keys(), store["a"]) == (["a"], b"1")


def test_several_come_in_their_order_as_files_do(store: Store) -> None:
    with writing({place(store, name): name.encode() for name in "cab"}):
        pass
    assert [asked.path[-1] for asked in store.asked if asked.method == "PUT"] == ["c", "a", "b"]
    with pytest.raises(PlanError), writing({place(store, name): b"new" for name in "dae"}, replace=False):
        pass
    assert store.keys() == ["a", "b", "c"]  # none of them, where one may not replace
    assert store["a"] == b"a"


def test_a_write_whose_answer_is_lost_is_made_again(store: Store) -> None:
    answers = iter([(500, b""), (HALF, b"")])
    store.rule = lambda method, path: next(answers, None)
    put(place(store, "a"), b"1")
    assert store["a"] == b"1"


def test_what_is_written_by_pieces_can_be_read_and_sought_meanwhile(store: Store) -> None:
    with replacing(place(store, "a")) as file:
        file.write(b"12345")
        file.seek(1)
        assert file.read(2) == b"23"
        assert store.keys() == []
    assert store["a"] == b"12345"
