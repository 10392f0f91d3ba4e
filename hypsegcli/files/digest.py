"""What a file holds, told by its size and its SHA-256."""

from __future__ import annotations

import hashlib
import threading
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hypsegcli.files.place import StorePath
from hypsegcli.files.regular import open_regular, state_of

DIGITS = 16  # of a SHA-256, which are enough to tell a change
_SHARED = 1024  # files whose digests are remembered
_reading = threading.Lock()  # one thread reads, and others that want the same wait for it


class Digest(NamedTuple):
    """Equal for files, or for what was read of them, that hold the same bytes."""

    bytes: int
    sha256: str


def digest_of(data: bytes) -> Digest:
    """That of bytes in memory."""
    return Digest(len(data), hashlib.sha256(data).hexdigest())


def digest_stream(file: BinaryIO) -> Digest:
    """That of an open file, from its beginning; it is at its end then."""
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # readinto, which open() and BytesIO have
    return Digest(file.tell(), sha256)


def digest_file(path: Path) -> Digest | None:
    """That of a file; None where it is not there or cannot be read.

    An object that has the ETag with which books note a digest is not read again.
    """
    try:
        if isinstance(path, StorePath) and (noted := _noted(path)) is not None:
            return noted
        with open_regular(path) as file:
            return digest_stream(file)
    except (OSError, ValueError):  # of a name that cannot be
        return None


def _noted(path: StorePath) -> Digest | None:
    from hypsegcli.files.stores.listing import digest_noted

    found = digest_noted(path)
    return None if found is None else Digest(*found)


def digest_shared(path: Path) -> Digest | None:
    """As `digest_file`, of a file that many images are from: it is read once as long as it stays the same."""
    try:
        state = state_of(path.stat())
    except (OSError, ValueError):
        return None
    with _reading:
        return _digest_of_state(path, state)


@lru_cache(maxsize=_SHARED)
def _digest_of_state(path: Path, _: tuple[int, ...]) -> Digest | None:
    return digest_file(path)


def short_digest(digest: Digest | None) -> str:
    """The first digits of its SHA-256, for books of many files; empty for a file that could not be read."""
    return digest.sha256[:DIGITS] if digest else ""
