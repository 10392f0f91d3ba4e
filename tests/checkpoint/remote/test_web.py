"""A file from the web: the one that was named, whole or not at all, and a sentence for all that servers do."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.web import Answer, Site, failing, giving, hanging_up, saying_nothing, sending_on, serving

from hypsegcli.checkpoint.remote.address import WebAddress
from hypsegcli.checkpoint.remote.kept import cache_folder
from hypsegcli.checkpoint.remote.web import fetch_from_web
from hypsegcli.errors import CheckpointError

DATA = bytes(range(256)) * 9000  # more than is read at once
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as site:
        yield site


def fetch(site: Site, path: str = "/m.safetensors", *, sha256: str = SHA, **options: Any) -> tuple[Path, list[str]]:
    """The file, and what was said on the way."""
    told: list[str] = []
    address = WebAddress(site.url + path, sha256)
    return fetch_from_web(address, tell=told.append, advance=lambda here, total: None, **options), told


def left() -> list[Path]:
    """All files in the cache."""
    return [path for path in cache_folder().rglob("*") if path.is_file()]


def refusal(site: Site, path: str = "/m.safetensors", **options: Any) -> str:
    """The one line that says why there is no file; nothing is left of it."""
    with pytest.raises(CheckpointError) as error:
        fetch(site, path, **options)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{site.url}{path.partition('?')[0]}#sha256={SHA}: ")
    assert left() == []
    return str(error.value)


def test_it_is_fetched_once_and_kept_under_its_name(site: Site) -> None:
    site["/m.safetensors"] = DATA
    path, told = fetch(site)
    assert (path.name, path.read_bytes()) == ("m.safetensors", DATA)
    assert told == [f"fetching {site.url}/m.safetensors#sha256={SHA} (2.3 MB)"]
    assert fetch(site) == (path, [])
    assert site.asked == ["GET /m.safetensors"]
    assert left() == [path]


def test_bytes_are_counted_as_they_come(site: Site) -> None:
    site["/m.safetensors"] = DATA
    seen: list[tuple[int, int | None]] = []
    address = WebAddress(f"{site.url}/m.safetensors", SHA)
    fetch_from_web(address, tell=print, advance=lambda *counts: seen.append(counts))
    assert seen == sorted(seen)
    assert seen[-1] == (len(DATA), len(DATA))
    assert len(seen) > 1


def test_what_was_damaged_since_is_fetched_again(site: Site) -> None:
    site["/m.safetensors"] = DATA
    path, _ = fetch(site)
    path.write_bytes(b"\0" * len(DATA))
    assert fetch(site)[1][0] == f"{path}: is not what it was when it was fetched; it is fetched again"
    assert path.read_bytes() == DATA


def test_what_was_damaged_since_is_not_taken_where_there_is_no_network(site: Site) -> None:
    site["/m.safetensors"] = DATA
    path, _ = fetch(site)
    path.write_bytes(b"\0" * len(DATA))
    site["/m.safetensors"] = hanging_up
    with pytest.raises(CheckpointError, match="cannot be fetched"):
        fetch(site)


def test_another_file_is_refused_and_both_hashes_are_named(site: Site) -> None:
    site["/m.safetensors"] = DATA[:-1] + b"?"
    sentence = refusal(site)
    assert hashlib.sha256(DATA[:-1] + b"?").hexdigest() in sentence


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (401, "lets nobody in unasked (401), and hypseg sends no credentials"),
        (403, "lets nobody in unasked (403)"),
        (404, "has no such file (404)"),
        (410, "has no such file (410)"),
        (418, "answers 418 and no file"),
        (429, "cannot serve it now (429); try again later"),
        (503, "cannot serve it now (503); try again later"),
    ],
)
def test_what_a_server_answers_is_a_sentence(site: Site, code: int, part: str) -> None:
    site["/m.safetensors"] = failing(code)
    assert part in refusal(site)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        pytest.param(hanging_up, "cannot be fetched", id="no answer"),
        pytest.param(giving(DATA[:100_000], length=len(DATA)), "ended after 100,000 of 2,304,000 bytes", id="half"),
        pytest.param(giving(DATA, length=100_000), "has the SHA-256", id="longer than it says"),
        pytest.param(giving(DATA[:100_000], length=""), "has the SHA-256", id="half of an unknown length"),
        pytest.param(giving(b"", length=0), "has the SHA-256", id="nothing"),
        pytest.param(sending_on("http://192.0.2.1/m.safetensors"), "sends on to http://192.0.2.1, where", id="to http"),
        pytest.param(sending_on("file:///etc/passwd"), "answers 302 and no file", id="to a file"),
        pytest.param(sending_on("/m.safetensors"), "answers 302 and no file", id="in a circle"),
    ],
)
def test_what_a_server_does_is_a_sentence(site: Site, answer: Answer, part: str) -> None:
    site["/m.safetensors"] = answer
    assert part in refusal(site)


def test_one_that_says_nothing_is_not_waited_for(site: Site) -> None:
    over = threading.Event()
    site["/m.safetensors"] = saying_nothing(over)
    assert "says nothing; try again later" in refusal(site, patience=0.2)
    over.set()


def test_no_server_at_all_is_a_sentence(site: Site) -> None:
    address = WebAddress("http://127.0.0.1:9/m.safetensors", SHA)
    with pytest.raises(CheckpointError, match=r"cannot be fetched .*; look at the network, or give the path of a copy"):
        fetch_from_web(address, tell=print, advance=lambda here, total: None)


def test_where_it_sends_on_is_followed(site: Site) -> None:
    site["/m.safetensors"] = sending_on("/elsewhere/x", 307)
    site["/elsewhere/x"] = DATA
    assert fetch(site)[0].name == "m.safetensors"


@pytest.mark.parametrize("length", [None, ""])
def test_one_that_is_too_large_is_not_fetched(site: Site, length: int | str | None) -> None:
    site["/m.safetensors"] = giving(DATA, length=length)
    assert "has more than 0.001 GB, which no checkpoint of hypseg's has" in refusal(site, most=1_000_000)


def test_passwords_of_an_address_are_sent_and_not_told(site: Site) -> None:
    site["/m.safetensors"] = DATA
    path, told = fetch(site, "/m.safetensors?key=secret")
    assert site.asked == ["GET /m.safetensors?key=secret"]
    assert "secret" not in "".join((str(path), *told))
    path.unlink()
    site["/m.safetensors"] = failing(403)
    assert "secret" not in refusal(site, "/m.safetensors?key=secret")


def test_a_cache_that_cannot_be_written_is_a_sentence(site: Site) -> None:
    cache_folder().parent.mkdir(parents=True)
    cache_folder().write_bytes(b"a file in its place")
    site["/m.safetensors"] = DATA
    with pytest.raises(CheckpointError, match=r"cannot be written .*make room there, or download"):
        fetch(site)


def test_a_fetch_that_is_interrupted_leaves_nothing(site: Site) -> None:
    site["/m.safetensors"] = DATA

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_from_web(WebAddress(f"{site.url}/m.safetensors", SHA), tell=print, advance=interrupt)
    assert left() == []
