"""Objects read as files."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import random

import pytest
from support.stores import HALF, Store
from support.web import Site, giving, serving

from hypsegcli.files.digest import digest_of, digest_stream
from hypsegcli.files.place import locate
from hypsegcli.files.regular import open_regular, size_of
from hypsegcli.files.stores.reader import FIRST

BLOCK = 2**20


def noise(size: int) -> bytes:
    return random.Random(0).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, FIRST, FIRST + 1, 7 * BLOCK + 3, 33 * BLOCK])
def test_it_reads_as_a_file_does_and_fetches_every_byte_once(store: Store, size: int) -> None:
    data = noise(size)
    store["a"] = data
    there, here = open_regular(locate(store.at("a"))), io.BytesIO(data)
    draw = random.Random(size)
    with there:
        assert size_of(there) == size
        for _ in range(40):
            at = draw.randrange(size + 10)
            assert there.seek(at) == here.seek(at)
            many = draw.choice([1, 10, 5000, 3 * BLOCK])
            assert there.read(many) == here.read(many)
        assert there.seek(-min(size, 5), os.SEEK_END) == here.seek(-min(size, 5), os.SEEK_END)
        assert there.read() == here.read()
        assert digest_stream(there) == digest_of(data)
        assert digest_stream(there) == digest_of(data)
    fetched = [asked.bytes for asked in store.asked if asked.method == "GET" and asked.status < 300]
    assert sum(fetched) == size


def test_a_photograph_is_one_request(store: Store) -> None:
    store["a"] = noise(FIRST - 5)
    with open_regular(locate(store.at("a"))) as file:
        assert len(file.read(16) + file.read()) == FIRST - 5
    assert len(store.asked) == 1


def test_the_head_of_a_large_object_is_a_part_of_it(store: Store) -> None:
    store["a"] = noise(20 * BLOCK)
    with open_regular(locate(store.at("a"))) as file:
        assert file.read(4) == noise(20 * BLOCK)[:4]
        file.seek(15 * BLOCK)
        file.read(100)
    assert sum(asked.bytes for asked in store.asked) == FIRST + BLOCK


def test_one_that_is_read_through_takes_few_requests(store: Store) -> None:
    store["a"] = noise(20 * BLOCK)
    with open_regular(locate(store.at("a"))) as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest_of(noise(20 * BLOCK)).sha256  # type: ignore[arg-type]
    assert len(store.asked) <= 8


def test_one_that_is_replaced_meanwhile_is_not_read_in_two_versions(store: Store) -> None:
    store["a"] = noise(5 * BLOCK)
    with open_regular(locate(store.at("a"))) as file:
        file.read(4)
        store["a"] = noise(5 * BLOCK)[::-1]
        with pytest.raises(OSError, match="changed") as raised:
            file.read()
    assert raised.value.errno == errno.ESTALE


def test_a_range_that_is_cut_is_fetched_again(store: Store) -> None:
    store["a"] = noise(5 * BLOCK)
    answers = iter([None, (HALF, b""), (500, b"")])
    store.rule = lambda method, path: next(answers, None)
    with open_regular(locate(store.at("a"))) as file:
        assert file.read() == noise(5 * BLOCK)


def test_a_file_on_the_web_is_read_whole_from_servers_that_know_no_ranges() -> None:
    with serving(Site()) as site:
        site["/a%20b.png"] = giving(noise(3 * BLOCK))
        site["/a b.png"] = giving(noise(3 * BLOCK))
        place = locate(f"{site.url}/a%20b.png?signature=1")
        with open_regular(place) as file:
            assert file.read() == noise(3 * BLOCK)
        with pytest.raises(FileNotFoundError) as raised:
            open_regular(locate(f"{site.url}/b.png?signature=SECRET"))
        assert "SECRET" not in str(raised.value)
    assert site.asked[0] == "GET /a%20b.png?signature=1"
