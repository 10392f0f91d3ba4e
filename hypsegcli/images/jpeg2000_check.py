"""JPEG 2000 that Pillow decodes to wrong pixels without a word. ITU-T T.800, Annex A, for the markers."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from hypsegcli.errors import ImageError
from hypsegcli.files.words import count_of

# Zeros beside those of empty packets. Photographs, noise, flat and half flat pictures, lossless and lossy, of 1 and 20
# layers, with and without tiles and precincts, have none: 19 zeros at most, always fewer than a tile has packets.
_SLACK = 64
_MOST = 2**16  # which no hole has to be told from


def check_jpeg2000(path: Path | str, data: bytes, mode: str) -> None:
    """Raise ImageError for the bytes of one that is not whole, of fewer than 8 bits a sample, or of more in colour.

    `mode` is Pillow's of the picture.
    """
    # A file cut between its header and its first tile comes out flat. Inside a codestream FF is never
    # followed by more than 8F, so that FF D9 can only be the end marker.
    if b"\xff\xd9" not in data[data.find(b"\xff\x90") :]:
        raise ImageError(f"{path}: the picture is truncated (JPEG 2000 without an end); replace the file", "truncated")
    start = data.find(b"\xff\x4f\xff\x51")
    width, height, _, _, wide, high, left, top = struct.unpack_from(">8I", data, start + 8)
    wanted = -(-(width - left) // wide) * -(-(height - top) // high)
    parts = list(_tile_parts(data))
    found = len({tile for tile, _, _ in parts})
    if found < wanted:
        raise ImageError(
            f"{path}: the picture is truncated ({found:,} of the {wanted:,} tiles of a JPEG 2000); replace the file",
            "truncated",
        )
    most = _packets(data, start, min(wide, width - left), min(high, height - top)) + _SLACK
    hole = re.compile(rb"\0{%d}" % (most + 1)) if most < _MOST else None
    if hole and any(hole.search(data, first, stop) for _, first, stop in parts):
        raise ImageError(
            f"{path}: the picture is damaged, as an interrupted copy leaves it (more than {most:,} zeros in its "
            "midst); replace the file",
            "damaged",
        )
    # Colours of more than 8 bits are rounded without clipping: 65535 becomes 256 becomes 0, white is black. Samples of
    # fewer bits are shifted and not stretched: white is grey. Ssiz is bits per sample less one, from byte 42 on.
    components = struct.unpack_from(">H", data, start + 40)[0]
    bits = [(byte & 0x7F) + 1 for byte in data[start + 42 : start + 42 + 3 * components : 3]]
    if min(bits) < 8 or (max(bits) > 8 and not mode.startswith("I")):
        kind = f"with {count_of(min(bits), 'bit')}" if min(bits) < 8 else f"in colour with {max(bits)} bits"
        raise ImageError(
            f"{path}: JPEG 2000 {kind} a sample cannot be read correctly; convert it to PNG or TIFF",
            "unsupported",
        )


def _tile_parts(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Of every tile-part its tile, and where its packets begin and end; ITU-T T.800, A.4.2."""
    at = data.find(b"\xff\x90\0\x0a")
    while data[at : at + 2] == b"\xff\x90" and at + 10 <= len(data):
        tile, length = struct.unpack_from(">HI", data, at + 4)
        first = data.find(b"\xff\x93", at) + 2
        stop = at + length if length else data.find(b"\xff\xd9", first)
        yield tile, first, stop
        if length < 14:  # 0: up to the end
            return
        at = stop


def _packets(data: bytes, start: int, width: int, height: int) -> int:
    """How many packets a tile of this size has at most, each of which is one byte of zero where it is empty; A.6.1."""
    at, coding = start + 2, -1
    while data[at] == 0xFF and data[at + 1] != 0x90:
        if data[at + 1] == 0x53:  # a component of its own coding
            return _MOST
        coding = at if data[at + 1] == 0x52 else coding
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    layers, levels = struct.unpack_from(">H", data, coding + 6)[0], data[coding + 9]
    components = struct.unpack_from(">H", data, start + 40)[0]
    own = data[coding + 14 : coding + 15 + levels] if data[coding + 4] & 1 else b""
    precincts = 0
    for level, size in enumerate(own.ljust(levels + 1, b"\xff")):
        shrunk = levels - level
        wide, high = -(-width >> shrunk), -(-height >> shrunk)
        precincts += ((wide >> (size & 15)) + 2) * ((high >> (size >> 4)) + 2) if own else 1
    return int(precincts * layers * components)
