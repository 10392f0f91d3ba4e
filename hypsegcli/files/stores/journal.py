"""Lines added to an object, which cannot be added to: it is written anew with many of them at a time."""

from __future__ import annotations

import os
import tempfile
import threading
import time
import weakref
from typing import TYPE_CHECKING, ClassVar

from hypsegcli.files.stores.objects import put
from hypsegcli.files.stores.reader import open_object

if TYPE_CHECKING:
    from hypsegcli.files.address import Address

LINES, SECONDS = 100, 30.0  # after which an object is written anew
_SHARE = 10  # it takes at most one part of so many of the time
_IN_MEMORY = 2**24  # bytes of what is there already


class _Journal:
    """An object with the lines that are still to be added."""

    def __init__(self, path: Address) -> None:
        self.path, self.waiting = path, 0
        with open_object(path) as before:
            self.whole = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
            weakref.finalize(self, self.whole.close)
            while block := before.read(2**20):
                self.whole.write(block)
        self.due = time.monotonic() + SECONDS
        self.not_before = 0.0

    def add(self, data: bytes) -> None:
        self.whole.write(data)
        self.waiting += 1
        now = time.monotonic()
        if (self.waiting >= LINES or now >= self.due) and now >= self.not_before:
            self.write()

    def write(self) -> None:
        started = time.monotonic()
        if self.waiting:
            self.whole.seek(0)
            try:
                put(self.path, self.whole)
            finally:
                self.whole.seek(0, os.SEEK_END)
            self.waiting = 0
        now = time.monotonic()
        self.due, self.not_before = now + SECONDS, now + _SHARE * (now - started)


class _Journals:
    """Those of this process, by the objects that they are of."""

    open: ClassVar[dict[Address, _Journal]] = {}
    lock: ClassVar[threading.RLock] = threading.RLock()


def append(path: Address, data: bytes) -> None:
    """Add data to an object that is there: it has it at the latest with the 100th of such calls, or `flush`.

    Then OSError where it cannot be written; what waits is tried again with the next.
    """
    with _Journals.lock:
        if path not in _Journals.open:
            _Journals.open[path] = _Journal(path)
        _Journals.open[path].add(data)


def flush(path: Address) -> None:
    """Write what waits for an object, or for one beside it: what is read or written next, comes after it."""
    with _Journals.lock:
        for journal in _Journals.open.values():
            if journal.path.parent == path.parent:
                journal.write()


def drop(path: Address) -> None:
    """Add no more to an object, which has been replaced."""
    with _Journals.lock:
        if (journal := _Journals.open.pop(path, None)) is not None:
            journal.whole.close()
