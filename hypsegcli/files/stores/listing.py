"""What lies in a store, asked object by object, or by the listings of whole folders where much is asked at once."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.stores.client import answering, key_of, library, store_of

if TYPE_CHECKING:
    from hypsegcli.files.address import Address

CLOCKS_APART = 900.0  # seconds, beyond which stores refuse requests
_TRIES = 3  # of a listing
_FEW = 4  # questions in one folder that are asked one by one


class Seen(NamedTuple):
    """An object as its store tells of it."""

    bytes: int
    etag: str  # changes with what it holds; empty where the store tells none
    modified: float  # seconds since 1970, by the store's clock


class _Listing(NamedTuple):
    objects: dict[str, Seen]
    folders: set[str]


class _Listings:
    """What folders held when they were first asked for, in the block that is open."""

    depth: ClassVar[int] = 0  # of blocks
    asked: ClassVar[Counter[Address]] = Counter()
    folders: ClassVar[dict[Address, _Listing]] = {}
    digests: ClassVar[dict[Address, tuple[str, int, str]]] = {}  # ETag, bytes, SHA-256
    lock: ClassVar[threading.RLock] = threading.RLock()


@contextlib.contextmanager
def listed() -> Iterator[None]:
    """Answer from listings in the block, each made once: for whoever asks for thousands of objects.

    What others write meanwhile may go unseen; what this process writes and removes does not.
    """
    with _Listings.lock:
        _Listings.depth += 1
    try:
        yield
    finally:
        with _Listings.lock:
            _Listings.depth -= 1
            if not _Listings.depth:
                _Listings.folders.clear()
                _Listings.digests.clear()
                _Listings.asked.clear()


def is_listed() -> bool:
    """Whether such a block is open."""
    return _Listings.depth > 0


def look(path: Address) -> Seen | None:
    """An object, or None where there is none; OSError and StoreError where its store does not tell."""
    if not path.object_key or not path.is_in_a_store:
        return None
    if (listing := _listing_for(path)) is not None:
        return listing.objects.get(path.name)
    obstore = library()
    with contextlib.suppress(FileNotFoundError), answering(path):
        if path.is_on_the_web:  # a signature is for one method
            return seen_as(obstore.get(store_of(path), key_of(path)).meta)
        return seen_as(obstore.head(store_of(path), key_of(path)))
    return None


def is_folder(path: Address) -> bool:
    """Whether there are objects below; a bucket is taken for one that is there."""
    if not path.is_in_a_store or path.is_on_the_web:
        return False
    if not path.object_key:
        return True
    if (listing := _listing_for(path)) is not None:
        return path.name in listing.folders
    obstore = library()
    with answering(path):
        return bool(next(iter(obstore.list(store_of(path), path.object_key, chunk_size=1)), []))


def names_in(folder: Address) -> list[str]:
    """Names of the objects and folders in a folder; PlanError where one cannot be a file's."""
    if folder.is_on_the_web or not folder.is_in_a_store:
        return []
    with _Listings.lock:
        listing = _Listings.folders.get(folder) or _list(folder)
        if is_listed():
            _Listings.folders[folder] = listing
    return sorted({*listing.objects, *listing.folders})


def forget(path: Address) -> None:
    """Ask anew for what lies at a path, which this process has changed."""
    if is_listed():
        with _Listings.lock:
            for folder in path.parents:
                _Listings.folders.pop(folder, None)


def note_digest(path: Address, etag: str, size: int, sha256: str) -> None:
    """Take an object for one of this SHA-256, in the block that is open, as long as it has the ETag and the size."""
    if is_listed():
        _Listings.digests[path] = etag, size, sha256


def digest_noted(path: Address) -> tuple[int, str] | None:
    """Bytes and SHA-256 of an object by its ETag; None where they are not known, and it has to be read."""
    etag, size, sha256 = _Listings.digests.get(path, ("", 0, ""))
    if not etag or (seen := look(path)) is None or (seen.etag, seen.bytes) != (etag, size):
        return None
    return size, sha256


def seen_as(meta: Any) -> Seen:
    """What obstore tells of an object."""
    return Seen(meta["size"], tag_of(meta["e_tag"]), meta["last_modified"].timestamp())


def tag_of(etag: str | None) -> str:
    """An ETag without what some answers of a store put around it and others do not."""
    return (etag or "").removeprefix("W/").strip('"')


def _listing_for(path: Address) -> _Listing | None:
    """The listing of its folder, where that is worth making."""
    if not is_listed() or path.is_on_the_web:
        return None
    folder = path.parent
    with _Listings.lock:
        if folder in _Listings.folders:
            return _Listings.folders[folder]
        _Listings.asked[folder] += 1
        if _Listings.asked[folder] <= _FEW:
            return None
        listing = _Listings.folders[folder] = _list(folder)
        return listing


def _list(folder: Address) -> _Listing:
    for _ in range(_TRIES - 1):  # the library asks again where it is not answered, but not for a list that is cut off
        with contextlib.suppress(OSError):
            return _list_once(folder)
    return _list_once(folder)


def _list_once(folder: Address) -> _Listing:
    obstore = library()

    above = f"{folder.object_key}/" if folder.object_key else ""
    with answering(folder):
        try:
            found = obstore.list_with_delimiter(store_of(folder), folder.object_key or None)
        except obstore.exceptions.InvalidPathError:
            raise PlanError(
                f"{folder}: holds an object whose name has an empty part, . or .. between slashes, which is no name of "
                "a file; rename it"
            ) from None
    return _Listing(
        # `folder/`, which consoles make for a folder, is listed as if it were the folder's own name.
        {each["path"][len(above) :]: seen_as(each) for each in found["objects"] if each["path"].startswith(above)},
        {prefix[len(above) :] for prefix in found["common_prefixes"]},
    )
