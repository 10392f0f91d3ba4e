"""PNGs that decoders read as they are, though they are not what was written. PNG (W3C), 4 to 11.

One may end well and too soon: the rows that are not there come out black. And a decoder compares no sums of pixels, so
that what an interrupted copy has left, zeros or sectors of other files, passes for pixels where it can be inflated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from hypsegcli.errors import ImageError

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7
_STEP = 2**20


def check_sums(path: Path | str, data: bytes) -> None:
    """Raise ImageError for the bytes of a PNG whose pixels are not those that were written, by their CRC-32."""
    for kind, body, crc in chunks_of(data):
        if kind == b"IDAT" and crc is not None and zlib.crc32(body, zlib.crc32(kind)) != crc:
            raise ImageError(
                f"{path}: the picture is damaged (the checksum of its pixels is another); replace the file", "damaged"
            )


def check_png(path: Path | str, data: bytes) -> None:
    """Raise ImageError for the bytes of a PNG that has fewer rows than its header says.

    It inflates all of them, which is only worth it where the last rows came out black.
    """
    chunks = list(chunks_of(data))
    width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1][:13])
    wanted = 0
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            wanted += rows * (1 + -(-columns * bits * _CHANNELS[color] // 8))
    stream, made = zlib.decompressobj(), 0
    for kind, body, _ in chunks:
        rest: bytes | memoryview = body if kind == b"IDAT" else b""
        while rest and not stream.eof and made < wanted:
            made += len(stream.decompress(rest, _STEP))
            rest = stream.unconsumed_tail
    if made + len(stream.flush() if made < wanted else b"") < wanted:
        raise ImageError(
            f"{path}: the picture is truncated (a PNG without its last rows); replace the file", "truncated"
        )


def chunks_of(data: bytes) -> Iterator[tuple[bytes, memoryview, int | None]]:
    """Name, content and sum of each, as far as the file goes."""
    at, view = 8, memoryview(data)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        yield kind, view[at + 8 : end], int.from_bytes(view[end : end + 4]) if end + 4 <= len(data) else None
        at = end + 4
