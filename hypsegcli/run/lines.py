"""A manifest's lines as they are read: by key, from the file, each when it is asked for.

A run may have a million images: their lines, read, fill gigabytes, and of most of them only the key is wanted.
"""

from __future__ import annotations

import io
import json
import os
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from hypsegcli.files.atomic import replacing
from hypsegcli.files.place import StorePath
from hypsegcli.files.regular import open_regular
from hypsegcli.run.manifest import Line, dump, files_named_by, is_line

Item = TypeVar("Item")


class Lines(Mapping[str, Line]):
    """The lines of a manifest as it is when this is made, by key, the last of each; what is added later is not seen.

    `status` is done, failed, or stale: a run was to do the image, perhaps again, and has not come to that; or dropped:
    a later one that replaces the earlier has begun to remove its files. The `outputs` of a stale or dropped line are
    files of an earlier run that may be there still; so are those of a failed line, for where the image is out of reach
    they stay. A stale line of an image that has failed when it was last tried has the `reason` of that.

    What is no line of ours is passed over: one that was cut off when a run was killed, or that somebody has edited.
    """

    def __init__(self, manifest: Path) -> None:
        """OSError where it cannot be read; where it is not there, there are no lines."""
        self._places: dict[str, int] = {}  # where each line begins
        self._before: dict[str, tuple[int, ...]] = {}  # of an image that failed, where its earlier lines do
        self._lock = threading.Lock()
        try:
            self._file = _lasting(open_regular(manifest), is_here=not isinstance(manifest, StorePath))
        except FileNotFoundError:
            return
        weakref.finalize(self, self._file.close)
        place = 0
        for raw in self._file:
            if is_line(line := _parse(raw)):
                key = line["key"]
                before = self._before.pop(key, ())
                if line["status"] == "failed" and key in self._places:
                    self._before[key] = (self._places[key], *before)
                self._places[key] = place
            place += len(raw)

    def __getitem__(self, key: str) -> Line:
        line = self._read(self._places[key])
        for place in self._before.get(key, ()):
            line = files_named_by(self._read(place)) | line
        return line

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def _read(self, place: int) -> Line:
        with self._lock:
            self._file.seek(place)
            raw = self._file.readline()
        line: Line = _parse(raw)
        return line


class Selection(Collection[Line]):
    """Some lines, each made when it is come to, as often as that is."""

    def __init__(self, items: Sequence[Item], make: Callable[[Item], Line]) -> None:
        self._items: Sequence[Any] = items
        self._make = make

    def __iter__(self) -> Iterator[Line]:
        return map(self._make, self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, line: object) -> bool:
        return any(each == line for each in self)


def write_lines(manifest: Path, lines: Iterable[Line]) -> None:
    """Replace a manifest by one of these lines; they may be those of the former."""
    with replacing(manifest) as file:
        file.writelines(dump(line).encode() for line in lines)


def _lasting(file: BinaryIO, *, is_here: bool) -> BinaryIO:
    """A file that stays what it is when another takes its place, as one that is open does, but not on Windows.

    Nor does an object in a store, of which every line would be a request.
    """
    if os.name == "posix" and is_here:
        return file
    with file:
        return io.BytesIO(file.read())


def _parse(raw: bytes) -> Any:
    """What a line holds; None where it is not JSON, or a number of thousands of digits, or lists in lists."""
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
