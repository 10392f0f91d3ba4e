"""Lines added to objects."""

from __future__ import annotations

import pytest
from support.stores import Store

from hypsegcli.files.atomic import append, write_atomically
from hypsegcli.files.place import locate
from hypsegcli.files.regular import open_regular
from hypsegcli.files.stores.journal import LINES


def lines(first: int, last: int) -> bytes:
    return b"".join(b"%d\n" % number for number in range(first, last))


def test_it_is_written_with_every_hundredth_line(store: Store) -> None:
    book = locate(store.at("out/book"))
    write_atomically(book, lines(0, 3))
    for number in range(3, 3 + LINES - 1):
        append(book, b"%d\n" % number)
    assert store["out/book"] == lines(0, 3)
    append(book, b"%d\n" % (2 + LINES))
    assert store["out/book"] == lines(0, 3 + LINES)
    assert store.count("PUT") == 2


def test_whoever_reads_it_has_every_line(store: Store) -> None:
    book = locate(store.at("out/book"))
    write_atomically(book, lines(0, 3))
    append(book, lines(3, 4))
    with open_regular(book) as file:
        assert file.read() == lines(0, 4)


def test_what_is_written_beside_it_afterwards_comes_after_it(store: Store) -> None:
    book = locate(store.at("out/book"))
    write_atomically(book, b"")
    append(book, lines(0, 1))
    write_atomically(locate(store.at("out/labels/a.png")), b"a map, which waits for nothing")
    assert store["out/book"] == b""
    write_atomically(locate(store.at("out/run.json")), b"finished")
    assert store["out/book"] == lines(0, 1)
    put = [asked.path.rpartition("/")[2] for asked in store.asked if asked.method == "PUT"]
    assert put == ["book", "a.png", "book", "run.json"]


def test_one_that_is_replaced_begins_anew(store: Store) -> None:
    book = locate(store.at("out/book"))
    for _ in range(2):
        write_atomically(book, lines(5, 6))
        append(book, lines(6, 7))
    with open_regular(book) as file:
        assert file.read() == lines(5, 7)


def test_lines_that_could_not_be_written_wait_for_the_next(store: Store) -> None:
    book = locate(store.at("out/book"))
    write_atomically(book, b"")
    store.rule = lambda method, path: (500, b"") if method == "PUT" else None
    for number in range(LINES - 1):
        append(book, b"%d\n" % number)
    with pytest.raises(OSError, match="500"):
        append(book, b"%d\n" % (LINES - 1))
    store.rule = lambda method, path: None
    write_atomically(locate(store.at("out/run.json")), b"aborted")
    assert store["out/book"] == lines(0, LINES)


def test_nothing_can_be_added_to_what_is_not_there(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        append(locate(store.at("out/book")), b"1")
