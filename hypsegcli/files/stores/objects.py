"""Objects written and removed, and what is known of what they hold."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from typing import IO, TYPE_CHECKING, ClassVar

from hypsegcli.files.stores.client import answering, key_of, library, store_of
from hypsegcli.files.stores.listing import forget, tag_of

if TYPE_CHECKING:
    from hypsegcli.files.address import Address

_AT_ONCE = 2**24  # bytes, beyond which an object goes in parts; it appears when all of them are there
_REMEMBERED = 10_000  # objects, of which a run has no more between reading and its books


def put(path: Address, data: bytes | IO[bytes], *, create: bool = False) -> None:
    """Write an object, whole or not at all; OSError where that cannot be.

    With `create` FileExistsError where one is there.
    """
    obstore = library()
    with answering(path):
        result = obstore.put(
            store_of(path), key_of(path), data, mode="create" if create else "overwrite", chunk_size=_AT_ONCE
        )
    forget(path)
    remember_tag(path, tag_of(result["e_tag"]))


def remove(path: Address) -> None:
    """Remove an object, if it is there."""
    obstore = library()
    with contextlib.suppress(FileNotFoundError), answering(path):
        obstore.delete(store_of(path), key_of(path))
    forget(path)


class _Tags:
    """ETags of what this process has lately read or written."""

    known: ClassVar[OrderedDict[Address, str]] = OrderedDict()
    lock: ClassVar[threading.Lock] = threading.Lock()


def remember_tag(path: Address, etag: str) -> None:
    """Note the ETag of what was read of an object, or written to it."""
    with _Tags.lock:
        _Tags.known[path] = etag
        _Tags.known.move_to_end(path)
        while len(_Tags.known) > _REMEMBERED:
            _Tags.known.popitem(last=False)


def take_tag(path: Address) -> str:
    """The ETag of what this process last read of an object, or wrote to it; empty where that is not known."""
    with _Tags.lock:
        return _Tags.known.pop(path, "")
