"""Label Studio's brush masks: RGBA of an image as runs of bytes, in a stream of bits.

The stream begins with the number of bytes (32 bits), the bits of a byte less one (5), and four lengths of lengths less
one (4 each). What follows are blocks: a bit, which length of a length (2 bits), how many bytes there are, less one, and
then one byte that is all of them where the bit is 1, else every one of them. A mask is the bytes of opacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHANNELS = 4
_WORD = 8
_LENGTHS = (3, 4, 8, 16)  # bits of a length, those that Label Studio's own encoder has
_HEADER = 32 + 5 + 4 * 4
_OPAQUE = 255
_HALF = 128


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """The bytes of the stream for a mask (H, W)."""
    flat = mask.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    runs = _CHANNELS * np.diff(np.append(starts, flat.size))
    values = np.where(flat[starts], _OPAQUE, 0).astype(np.uint64)
    longest = 2 ** _LENGTHS[-1]
    pieces = -(-runs // longest)
    values = np.repeat(values, pieces)
    lengths = np.full(len(values), longest, np.int64)
    lengths[np.cumsum(pieces) - 1] = runs - (pieces - 1) * longest
    which = np.searchsorted(2 ** np.asarray(_LENGTHS), lengths)
    bits = np.asarray(_LENGTHS)[which]
    words = (np.uint64(1) << np.uint64(2)) | which.astype(np.uint64)
    words = (words << bits.astype(np.uint64)) | (lengths - 1).astype(np.uint64)
    words = (words << np.uint64(_WORD)) | values
    sizes = 3 + bits + _WORD
    places = _HEADER + np.cumsum(sizes) - sizes
    stream = np.zeros(_HEADER + int(sizes.sum()), np.uint8)
    header = _CHANNELS * flat.size
    for field, size in ((_WORD - 1, 5), *((length - 1, 4) for length in _LENGTHS)):
        header = header << size | field
    stream[:_HEADER] = [header >> (_HEADER - 1 - at) & 1 for at in range(_HEADER)]
    for at in range(3 + _LENGTHS[-1] + _WORD):
        has = sizes > at
        stream[places[has] + at] = words[has] >> (sizes[has] - 1 - at).astype(np.uint64) & np.uint64(1)
    encoded: list[int] = np.packbits(stream).tolist()
    return encoded


def decode_brush(rle: Sequence[Any], height: int, width: int) -> NDArray[np.bool_]:
    """(H, W) where a mask is more than half opaque; ValueError for a stream that is not of so many pixels."""
    data = np.asarray(rle)
    if data.ndim != 1 or data.dtype.kind not in "iu" or data.size < _HEADER // 8 or data.min() < 0 or data.max() > 255:
        raise ValueError("its run lengths are no stream of bytes")
    stream = _Bits(data.astype(np.uint8))
    total = stream.take(32)
    if total != _CHANNELS * height * width:
        raise ValueError(f"its run lengths are not those of {width} x {height} pixels")
    word = stream.take(5) + 1
    lengths = [stream.take(4) + 1 for _ in range(4)]
    out = np.empty(total, np.uint8)
    at = 0
    while at < total:
        alike = stream.take(1)
        count = min(stream.take(lengths[stream.take(2)]) + 1, total - at)
        out[at : at + count] = stream.take(word) if alike else stream.take_many(count, word)
        at += count
    return out.reshape(height, width, _CHANNELS)[:, :, 3] >= _HALF


class _Bits:
    """A stream of bits, the highest of each byte first."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self._data = data.tobytes()
        self._bits = np.unpackbits(data)
        self._at = 0

    def take(self, size: int) -> int:
        """The next bits, at most 32, as a number."""
        start, end = self._at, self._at + size
        if end > len(self._bits):
            raise ValueError("its run lengths end too early")
        self._at = end
        last = -(-end // 8)
        return int.from_bytes(self._data[start // 8 : last], "big") >> (8 * last - end) & ((1 << size) - 1)

    def take_many(self, count: int, size: int) -> NDArray[np.int64]:
        """So many numbers of so many bits each, of which the lowest eight count."""
        end = self._at + count * size
        if end > len(self._bits):
            raise ValueError("its run lengths end too early")
        bits = self._bits[self._at : end].reshape(count, size).astype(np.int64)
        self._at = end
        weights = 2 ** np.arange(size)[::-1]
        found: NDArray[np.int64] = bits @ weights & 255
        return found
