"""A checkpoint from an object store: fetched once for each of its versions, as its ETag tells them apart."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from hypsegcli.budget import LARGEST_CHECKPOINT
from hypsegcli.checkpoint.remote.address import BucketAddress
from hypsegcli.checkpoint.remote.kept import cache_folder
from hypsegcli.checkpoint.remote.web import Advance
from hypsegcli.errors import CheckpointError, first_line
from hypsegcli.files.atomic import replacing, write_atomically
from hypsegcli.files.digest import digest_file
from hypsegcli.files.place import StorePath, locate
from hypsegcli.files.regular import open_regular, size_of
from hypsegcli.files.text import UnreadableTextError, read_text

_BLOCK = 2**20  # bytes that are read at once


def fetch_from_bucket(
    address: BucketAddress, *, tell: Callable[[str], None], advance: Advance, most: int = LARGEST_CHECKPOINT
) -> tuple[Path, BucketAddress]:
    """The file, from the cache where it lies there whole, else from its store, and the address with its SHA-256.

    Raises CheckpointError where it cannot be fetched, or is another one than was named; StoreError where the store
    cannot be used.
    """
    if address.sha256 and (path := _kept(address, address.sha256)) is not None:
        return path, address
    place = locate(address.url)
    assert isinstance(place, StorePath), "it is the address of a bucket"
    try:
        note = _note(place)
        known = _recall(note) if not address.sha256 else None
        if known is not None and (path := _kept(address, known)) is not None:
            return path, address._replace(sha256=known)
        with open_regular(place) as file:
            path, sha256 = _fetch(address, file, tell=tell, advance=advance, most=most)
    except OSError as error:
        raise CheckpointError(
            f"{address}: cannot be fetched ({error.strerror or first_line(error)}); check its name, who may read it, "
            "and whether there is room here"
        ) from error
    with contextlib.suppress(OSError):  # else it is fetched again
        write_atomically(note, sha256.encode())
    return path, address._replace(sha256=sha256)


def _fetch(
    address: BucketAddress, file: BinaryIO, *, tell: Callable[[str], None], advance: Advance, most: int
) -> tuple[Path, str]:
    """Read an object through, and lay it where those from the web lie, by its SHA-256."""
    size = size_of(file)
    if size > most:
        raise CheckpointError(
            f"{address}: has more than {most / 1e9:g} GB, which no checkpoint of hypseg's has; look at its address"
        )
    tell(f"fetching {address} ({size / 1e6:.1f} MB)")
    sha256, here = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        sha256.update(block)
        here += len(block)
        advance(here, size)
    found = sha256.hexdigest()
    if address.sha256 and found != address.sha256:
        raise CheckpointError(
            f"{address}: what the store gives has the SHA-256 {found}, which is another file; nothing of it is kept: "
            "ask who put it there"
        )
    path = _place(address, found)
    file.seek(0)
    with replacing(path) as copy:
        while block := file.read(_BLOCK):
            copy.write(block)
    return path, found


def _place(address: BucketAddress, sha256: str) -> Path:
    return cache_folder() / "web" / sha256 / Path(address.url).name


def _kept(address: BucketAddress, sha256: str) -> Path | None:
    """The file in the cache; None where it is not there, or no longer what it was."""
    path = _place(address, sha256)
    found = digest_file(path)
    return path if found is not None and found.sha256 == sha256 else None


def _note(place: StorePath) -> Path:
    """Where the SHA-256 of this version of an object is noted may be."""
    from hypsegcli.files.stores.listing import look

    seen = look(place)
    version = f"{place}\n{seen.etag or seen.modified}" if seen is not None else str(place)
    return cache_folder() / "stores" / f"{hashlib.sha256(version.encode()).hexdigest()[:32]}.txt"


def _recall(note: Path) -> str | None:
    try:
        found = read_text(note)
    except UnreadableTextError:
        return None
    return found if len(found) == 64 and found.isalnum() else None
