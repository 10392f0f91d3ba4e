"""An object as a file that can be read and sought in, of which every byte is fetched once, in ranges."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from hypsegcli.files.stores.client import answering, key_of, library, store_of
from hypsegcli.files.stores.listing import seen_as
from hypsegcli.files.stores.objects import remember_tag

if TYPE_CHECKING:
    from hypsegcli.files.address import Address

FIRST = 2**21  # bytes that are fetched when it is opened: all of most photographs
_BLOCK = 2**20
_MOST = 2**24  # bytes of one range, where an object is read through
_IN_MEMORY = 2**25  # bytes of an object; of larger ones what was fetched lies in a temporary file


def open_object(path: Address) -> BinaryIO:
    """Open an object, of which all that is read is of one version; OSError with ESTALE where it is replaced meanwhile.

    Raises OSError as open() does.
    """
    return cast("BinaryIO", io.BufferedReader(ObjectFile(path), 2**16))


class ObjectFile(io.RawIOBase):
    """The object of a path, open for reading."""

    def __init__(self, path: Address) -> None:
        super().__init__()
        self._path, self._at, self._next, self._ahead = path, 0, FIRST // _BLOCK, _BLOCK
        first, meta = _open(path)
        seen = seen_as(meta)
        self.name, self._size, self._etag = str(path), seen.bytes, meta["e_tag"]
        remember_tag(path, seen.etag)
        self._held: IO[bytes] = io.BytesIO() if self._size <= _IN_MEMORY else tempfile.TemporaryFile()  # noqa: SIM115
        self._held.write(first)
        self._whole = bytearray(-(-self._size // _BLOCK))  # of each block, whether it is held
        self._note(0, len(first))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte."""
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), self.name)
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from here on, as far as there is something."""
        stop = min(self._at + len(buffer), self._size)
        if stop <= self._at:
            return 0
        self._fetch(self._at, stop)
        self._held.seek(self._at)
        data = self._held.read(stop - self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        """The rest."""
        self._fetch(self._at, self._size)
        self._held.seek(self._at)
        data = self._held.read()
        self._at = max(self._at, self._size)
        return data

    def close(self) -> None:
        """Let go of what was fetched."""
        if not self.closed:
            self._held.close()
        super().close()

    def _fetch(self, start: int, stop: int) -> None:
        """Have all bytes of a range; more than that where the object is read from one end to the other."""
        first, last = start // _BLOCK, -(-stop // _BLOCK)
        while (block := self._whole.find(0, first, last)) >= 0:
            many = self._ahead = min(2 * self._ahead, _MOST) if block == self._next else _BLOCK
            end = max(min(last, block + _MOST // _BLOCK), block + many // _BLOCK)
            held = self._whole.find(1, block, end)
            end = min(held if held >= 0 else end, len(self._whole))
            self._get(block * _BLOCK, min(end * _BLOCK, self._size))
            self._next = end

    def _get(self, start: int, stop: int) -> None:
        obstore = library()
        options: Any = {"range": (start, stop)} | ({"if_match": self._etag} if self._etag else {})
        with answering(self._path):
            data = obstore.get(store_of(self._path), key_of(self._path), options=options).bytes()
        if len(data) != stop - start:
            raise OSError(errno.ESTALE, "it has changed meanwhile", self.name)
        self._held.seek(start)
        self._held.write(data)
        self._note(start, stop)

    def _note(self, start: int, stop: int) -> None:
        last = len(self._whole) if stop == self._size else stop // _BLOCK
        for block in range(start // _BLOCK, last):
            self._whole[block] = 1


def _open(path: Address) -> tuple[bytes, Any]:
    """The first bytes of an object, and what its store tells of it."""
    obstore = library()
    store, key = store_of(path), key_of(path)
    with answering(path):
        if path.is_on_the_web:  # whose servers may know no ranges, and whose ETags may be weak
            found = obstore.get(store, key)
            return bytes(found.bytes()), found.meta | {"e_tag": None}
        try:
            found = obstore.get(store, key, options={"range": (0, FIRST)})
            return bytes(found.bytes()), found.meta
        except obstore.exceptions.GenericError as error:
            if "code: 416" not in str(error):
                raise
            return b"", obstore.head(store, key)  # it has no bytes, of which no range can be had
