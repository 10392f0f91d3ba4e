"""From any address to a file, and to the address that names it for good."""

from __future__ import annotations

import hashlib

import pytest
from support.web import Hub, Repository

from hypsegcli.checkpoint.remote.fetch import fetch
from hypsegcli.errors import UsageError

DATA = b"weights" * 100


def address(given: str) -> str:
    path, source = fetch(given, tell=lambda sentence: None, advance=lambda here, total: None)
    assert path.read_bytes() == DATA
    return source


def test_what_is_told_of_an_address_names_the_same_bytes(hub: Hub) -> None:
    hub.repositories["me/streets"] = repository = Repository()
    commit = repository.commit({"m.safetensors": DATA})
    source = address("hf://me/streets")
    assert source == f"hf://me/streets@{commit}/m.safetensors"
    repository.commit({"m.safetensors": b"others"})
    assert address(source) == source


def test_of_the_web_too_without_what_may_be_a_password(hub: Hub) -> None:
    hub["/m.safetensors"] = DATA
    sha256 = hashlib.sha256(DATA).hexdigest()
    source = address(f"{hub.url}/m.safetensors?key=secret#sha256={sha256}")
    assert source == f"{hub.url}/m.safetensors#sha256={sha256}"
    assert address(source) == source


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(UsageError, match="expected hf://OWNER/NAME"):
        address("hf://streets")
