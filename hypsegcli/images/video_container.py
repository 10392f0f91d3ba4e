"""What a video's container says of itself, without a decoder: whether it was cut off, and what it counts.

MP4 and QuickTime (ISO/IEC 14496-12), AVI (RIFF and OpenDML) and Matroska, of which WebM is one: the lengths of their
outermost parts are read, and the index of an MP4. A file that was cut off ends before they do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hypsegcli.errors import ImageError
from hypsegcli.files.regular import open_regular
from hypsegcli.images.formats import clip_container
from hypsegcli.images.identify import HEAD, refuse_unknown

_SEGMENT = 0x18538067
_LARGEST_INDEX = 2**28  # bytes of an MP4's that are looked at; an hour has less than one million
_LEAST = 8  # bytes of a part's head
_LEAST_FRAME = 4  # bytes that a frame takes at least: in an MP4 its length in the index


class Container(NamedTuple):
    """Of a file that holds a video."""

    bytes: int
    is_cut: bool  # whether the file ends before its parts do, or lacks the one without which nothing can be read
    counts: bool  # whether the number of frames that it claims is one of frames; else of others too, or a duration's

    @property
    def most_frames(self) -> int:
        """More than this it cannot hold."""
        return self.bytes // _LEAST_FRAME


def holds_video(path: Path) -> bool:
    """Whether a file begins as videos do that are read here, and as no picture; of one that cannot be read, no."""
    try:
        with open_regular(path) as file:
            head = file.read(HEAD)
    except (OSError, ValueError):
        return False
    try:
        refuse_unknown(path, head)
    except ImageError as error:
        return error.code == "unsupported" and clip_container(head) is not None
    return False


def read_container(path: Path) -> Container:
    """Look at a file that `holds_video`; OSError where it cannot be read."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        kind = clip_container(file.read(HEAD))
        if kind == "avi":
            return Container(size, _is_cut_avi(file, size), counts=True)
        if kind == "matroska":
            return Container(size, _is_cut_matroska(file, size), counts=False)
        return _mp4(file, size)


def _mp4(file: BinaryIO, size: int) -> Container:
    at, index = 0, b""
    while at + _LEAST <= size:
        file.seek(at)
        head = file.read(16)
        length, name = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16])
        elif length == 0:  # to the end of the file
            length = size - at
        if length < _LEAST:
            break
        if at + length > size:
            return Container(size, True, counts=True)
        if name == b"moov":
            file.seek(at)
            index = file.read(min(length, _LARGEST_INDEX))
        at += length
    # An edit list may leave frames out that are counted; in fragments there are more than the index knows.
    return Container(size, not index, counts=b"elst" not in index and b"mvex" not in index)


def _is_cut_avi(file: BinaryIO, size: int) -> bool:
    at = 0
    while at + _LEAST <= size:
        file.seek(at)
        head = file.read(_LEAST)
        if head[:4] != b"RIFF":
            return False
        at += _LEAST + int.from_bytes(head[4:], "little")
    return at > size


def _is_cut_matroska(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    head = file.read(4096)  # the first part is a few dozen bytes
    at = 0
    for _ in range(2):
        identity, start = _number(head, at, keep=True)
        length, start = _number(head, start, keep=False)
        if length is None:  # a recorder that did not know
            return False
        at = start + length
        if identity == _SEGMENT or at > size:
            return at > size
    return False


def _number(data: bytes, at: int, *, keep: bool) -> tuple[int | None, int]:
    """A number of Matroska's whose first bits say how long it is, and where it ends; None where it says unknown."""
    first = data[at] if at < len(data) else 0
    length = 9 - first.bit_length()
    if length > 8:
        return None, at
    raw = int.from_bytes(data[at : at + length])
    if keep:
        return raw, at + length
    most = (1 << 7 * length) - 1
    value = raw & most
    return (None if value == most else value), at + length
