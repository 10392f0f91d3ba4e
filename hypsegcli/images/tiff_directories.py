"""The chain of directories in a TIFF, walked before any library walks it: a chain may lead back into itself.

TIFF 6.0 (Adobe, 1992), section 2; BigTIFF as libtiff writes it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hypsegcli.errors import ImageError

_MOST = 10_000  # directories at the top; libraries take a time that grows with their square
_KINDS = {b"*\0": ("<", False), b"\0*": (">", False), b"+\0": ("<", True), b"\0+": (">", True)}

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, PHOTOMETRIC = 254, 255, 256, 257, 262
REDUCED, MASK = 1, 4  # bits of NewSubfileType: a smaller copy of another picture, and a mask of one
_OLD_REDUCED = 2  # of SubfileType
_WANTED = (SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, PHOTOMETRIC)
_LONG8 = 16
_NUMBERS = {3: "H", 4: "I", _LONG8: "Q"}  # SHORT, LONG


@dataclass(frozen=True)
class Directory:
    """What one of a TIFF's directories says of its picture."""

    index: int  # in the chain, from 0
    numbers: Mapping[int, int]  # of SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT and PHOTOMETRIC, those that are there
    places: Mapping[int, tuple[int, str]]  # where these stand in the file, and as what `struct` packs them

    @property
    def is_whole(self) -> bool:
        """Whether its picture is no smaller copy and no mask of another."""
        is_part = self.numbers.get(SUBFILE, 0) & (REDUCED | MASK)
        return not (is_part or self.numbers.get(OLD_SUBFILE, 1) == _OLD_REDUCED)

    @property
    def is_mask(self) -> bool:
        """Whether it is the mask of a picture, in its full size."""
        return self.numbers.get(SUBFILE, 0) & (REDUCED | MASK) == MASK

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) as stored, 0 where it does not say."""
        return self.numbers.get(HEIGHT, 0), self.numbers.get(WIDTH, 0)


def read_directories(path: Path | str, file: BinaryIO) -> list[Directory]:
    """The directories at the top, in their order, as far as the chain can be followed; raises as `check_directories`.

    `file` is left anywhere.
    """
    check_directories(path, file)
    file.seek(0)
    head = file.read(16)
    order, big = _KINDS.get(head[2:4], ("", False))
    if not order or len(head) < 16:
        return []
    offset: int = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
    count, entry, link = (order + "Q", 20, order + "Q") if big else (order + "H", 12, order + "I")
    found: list[Directory] = []
    while offset:
        file.seek(offset)
        number = file.read(struct.calcsize(count))
        if len(number) < struct.calcsize(count):
            break
        table = file.read(struct.unpack(count, number)[0] * entry)
        first = offset + len(number)
        numbers: dict[int, int] = {}
        places: dict[int, tuple[int, str]] = {}
        for at in range(0, len(table) - entry + 1, entry):
            tag, kind, values = struct.unpack_from(order + ("HHQ" if big else "HHI"), table, at)
            fits = kind in _NUMBERS and values == 1 and (big or kind != _LONG8)  # else the field says where it is
            if tag in _WANTED and fits and tag not in numbers:
                value = at + (12 if big else 8)
                places[tag] = first + value, order + _NUMBERS[kind]
                numbers[tag] = struct.unpack_from(places[tag][1], table, value)[0]
        found.append(Directory(len(found), numbers, places))
        following = file.read(struct.calcsize(link))
        if len(following) < struct.calcsize(link):
            break
        offset = struct.unpack(link, following)[0]
    return found


def check_directories(path: Path | str, file: BinaryIO) -> None:
    """Raise ImageError where walking the directories of a TIFF would not end, or would cost more than its size says.

    `file` is read from its start and left anywhere. Chains that end beyond the file are none of these.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    order, big = _KINDS.get(head[2:4], ("", False))
    if not order or len(head) < 16:
        return
    offset: int = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
    count, entry, link = (order + "Q", 20, order + "Q") if big else (order + "H", 12, order + "I")
    seen: set[int] = set()
    entries = 0
    while 0 < offset < size:
        if offset in seen:
            raise ImageError(
                f"{path}: the picture is damaged (the directories of this TIFF lead back into each other); "
                "replace the file",
                "damaged",
            )
        seen.add(offset)
        if len(seen) > _MOST:
            raise ImageError(
                f"{path}: this TIFF has more than {_MOST:,} directories, a picture each; save the one that is meant as "
                "a file of its own",
                "unsupported",
            )
        file.seek(offset)
        number = file.read(struct.calcsize(count))
        if len(number) < struct.calcsize(count):
            return
        entries += struct.unpack(count, number)[0]
        if entries * entry > size:
            raise ImageError(
                f"{path}: the picture is damaged (the directories of this TIFF claim more than the file holds); "
                "replace the file",
                "damaged",
            )
        file.seek(struct.unpack(count, number)[0] * entry, os.SEEK_CUR)
        following = file.read(struct.calcsize(link))
        if len(following) < struct.calcsize(link):
            return
        offset = struct.unpack(link, following)[0]
