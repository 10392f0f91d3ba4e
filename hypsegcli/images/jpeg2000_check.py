"""JPEG 2000 that Pillow decodes to wrong pixels without a word. ITU-T T.800, Annex A, for the markers."""

from __future__ import annotations

import struct
from pathlib import Path

from hypsegcli.errors import ImageError


def check_jpeg2000(path: Path | str, data: bytes, mode: str) -> None:
    """Raise ImageError for the bytes of one that is not whole, or of more than 8 bits a sample in colour.

    `mode` is Pillow's of the picture.
    """
    # A file cut between its header and its first tile comes out flat. Inside a codestream FF is never
    # followed by more than 8F, so that FF D9 can only be the end marker.
    if b"\xff\xd9" not in data[data.find(b"\xff\x90") :]:
        raise ImageError(f"{path}: the picture is truncated (JPEG 2000 without an end); replace the file", "truncated")
    # Colours of more than 8 bits are rounded without clipping: 65535 becomes 256 becomes 0, white is black.
    # Ssiz, bits per sample less one, is byte 42 of the codestream, which starts with FF 4F FF 51.
    start = data.find(b"\xff\x4f\xff\x51")
    width, height, _, _, wide, high, left, top = struct.unpack_from(">8I", data, start + 8)
    wanted = -(-(width - left) // wide) * -(-(height - top) // high)
    found = _tiles(data)
    if found < wanted:
        raise ImageError(
            f"{path}: the picture is truncated ({found:,} of the {wanted:,} tiles of a JPEG 2000); replace the file",
            "truncated",
        )
    bits = (data[start + 42] & 0x7F) + 1
    if bits > 8 and not mode.startswith("I"):
        raise ImageError(
            f"{path}: JPEG 2000 in colour with {bits} bits a sample cannot be read correctly; convert it to PNG or "
            "TIFF",
            "unsupported",
        )


def _tiles(data: bytes) -> int:
    """How many tiles a JPEG 2000 holds any data of; ITU-T T.800, A.4.2, start of tile-part."""
    at, found = data.find(b"\xff\x90\0\x0a"), set()
    while data[at : at + 2] == b"\xff\x90" and at + 10 <= len(data):
        tile, length = struct.unpack_from(">HI", data, at + 4)
        found.add(tile)
        if length < 14:  # 0: up to the end
            break
        at += length
    return len(found)
