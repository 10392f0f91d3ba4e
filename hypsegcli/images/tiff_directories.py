"""The chain of directories in a TIFF, walked before any library walks it: a chain may lead back into itself.

TIFF 6.0 (Adobe, 1992), section 2; BigTIFF as libtiff writes it.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from hypsegcli.errors import ImageError

_MOST = 10_000  # directories at the top; libraries take a time that grows with their square
_KINDS = {b"*\0": ("<", False), b"\0*": (">", False), b"+\0": ("<", True), b"\0+": (">", True)}


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
