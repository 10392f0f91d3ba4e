"""Checkpoints from object stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.stores import Store

from hypsegcli.checkpoint.remote.address import BucketAddress, read_address
from hypsegcli.checkpoint.remote.bucket import fetch_from_bucket
from hypsegcli.errors import CheckpointError, StoreError, UsageError
from hypsegcli.files.digest import digest_of


def fetch(store: Store, key: str = "models/a.safetensors", *, sha256: str = "", most: int = 10**9) -> tuple[Path, str]:
    address = read_address(store.at(key) + (f"#sha256={sha256}" if sha256 else ""))
    assert isinstance(address, BucketAddress)
    told: list[str] = []
    path, pinned = fetch_from_bucket(address, tell=told.append, advance=lambda here, total: None, most=most)
    assert len(told) <= 1
    assert str(pinned) == f"{store.at(key)}#sha256={pinned.sha256}"
    return path, pinned.sha256


def test_it_is_fetched_once_for_each_of_its_versions(store: Store) -> None:
    first, second = b"first" * 10**6, b"second"
    for data in (first, first, second, second, first):
        store["models/a.safetensors"] = data
        path, sha256 = fetch(store)
        assert (path.read_bytes(), sha256) == (data, digest_of(data).sha256)
        assert path.name == "a.safetensors"
    fetched = sum(asked.bytes for asked in store.asked if asked.method == "GET")
    assert fetched == len(first) + len(second)


def test_nothing_in_the_cache_is_believed(store: Store) -> None:
    store["models/a.safetensors"] = b"whole"
    path, _ = fetch(store)
    path.write_bytes(b"damaged")
    assert fetch(store)[0].read_bytes() == b"whole"


def test_one_that_is_pinned_is_not_even_asked_for(store: Store) -> None:
    store["models/a.safetensors"] = b"whole"
    path, sha256 = fetch(store)
    store.asked.clear()
    assert fetch(store, sha256=sha256) == (path, sha256)
    assert store.asked == []
    with pytest.raises(CheckpointError, match="another file"):
        fetch(store, sha256="0" * 64)


def test_what_cannot_be_had_is_told(store: Store) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        fetch(store, "models/none.safetensors")
    store["models/a.safetensors"] = b"large"
    with pytest.raises(CheckpointError, match="more than"):
        fetch(store, most=4)
    store.rule = lambda method, path: (403, b"<Error><Code>InvalidAccessKeyId</Code></Error>")
    with pytest.raises((CheckpointError, StoreError), match="credentials"):
        fetch(store)


@pytest.mark.parametrize(
    "given", ["s3://a.safetensors", "s3://b/a.pth", "s3://b/a.safetensors#sha256=12", "gs://b/a.safetensors#x"]
)
def test_addresses_that_cannot_be_are_refused(given: str) -> None:
    with pytest.raises(UsageError):
        read_address(given)
