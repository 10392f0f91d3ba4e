"""Windows over an image that is too large to go in whole, and how their answers are joined.

Along each axis the windows' weights fall linearly in the middle of their overlaps and sum to 1 at every pixel, so
planes are blended without a second accumulator; a pixel's label is that of the window in which its weight is largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.inference.request import Request

ALIGNMENT = 16  # windows start where the network's coarsest grid has a point, so a tile sees the same grid

# Share of the overlap along a window's inner sides that counts for nothing: a window sees too little around it. Half
# would be a hard seam in the middle. At the least it holds half a cell of the network's 4-pixel grid, beyond whose
# outermost points bilinear upsampling has nothing to blend with.
_RIM = 3 / 8


@dataclass(frozen=True)
class Tiling:
    """Windows for images with more than `above` pixels."""

    tile: int  # side of a window in pixels, a multiple of 16
    overlap: int  # pixels, a multiple of 16
    above: int  # pixels of the image


def goes_in_windows(height: int, width: int, tiling: Tiling | None, request: Request) -> bool:
    """Whether an image of that size does, where so much is asked of it; none that is shrunk does."""
    return tiling is not None and not request.shrinks(height, width) and height * width > tiling.above


class Window(NamedTuple):
    """One stretch of an axis."""

    start: int
    stop: int
    weight: NDArray[np.float32]  # (stop - start,), sums to 1 over the windows at every pixel
    owned: NDArray[np.bool_]  # (stop - start,), True in exactly one window at every pixel

    def owned_cells(self, stride: int) -> slice:
        """Which cells of `stride` pixels, counted from `start`, are this window's; each is exactly one window's.

        The last window has those too that pad it to whole steps of the alignment. `stride` divides the alignment.
        """
        length = self.stop - self.start
        middles = np.arange(stride // 2, length + -length % ALIGNMENT, stride)
        (mine,) = self.owned[np.minimum(middles, length - 1)].nonzero()
        return slice(int(mine[0]), int(mine[-1]) + 1) if mine.size else slice(0, 0)


def axis_windows(length: int, *, tile: int, overlap: int) -> list[Window]:
    """Windows of at most `tile` pixels, spread evenly, that overlap by at least `overlap` pixels.

    `tile` and `overlap` are multiples of 16, overlap at most half of tile.
    """
    if tile % ALIGNMENT or overlap % ALIGNMENT or not 0 <= 2 * overlap <= tile:
        raise ValueError(f"tile {tile} and overlap {overlap} must be multiples of 16, overlap at most half of tile")
    if length <= tile:
        return [Window(0, length, np.ones(length, np.float32), np.ones(length, np.bool_))]
    count = -(-(length - overlap) // (tile - overlap))
    reach = -(-(length - tile) // ALIGNMENT)  # of the last window's start, in steps of the alignment
    # With s = (tile - overlap) / 16, `count` is such that reach <= (count - 1) s. So each term below exceeds its
    # predecessor by at most s before rounding down, and then too, s being whole: neighbours overlap as promised.
    # And reach >= count - 1, so that no two starts are the same.
    starts = [ALIGNMENT * (index * reach // (count - 1)) for index in range(count)]
    stops = [min(start + tile, length) for start in starts]

    rim = _RIM * overlap
    raw = np.zeros((count, length), np.float32)
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        at = np.arange(start, stop) + 0.5
        rise = at - start - rim if start > 0 else np.full(stop - start, np.inf)
        fall = stop - at - rim if stop < length else np.full(stop - start, np.inf)
        raw[index, start:stop] = np.minimum(rise, fall).clip(0.0, max(overlap, 1))
    weights = raw / raw.sum(0)
    owner = raw.argmax(0)
    return [
        Window(start, stop, weights[index, start:stop], owner[start:stop] == index)
        for index, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def round_to_alignment(pixels: float) -> int:
    """The next multiple of 16 above."""
    return ALIGNMENT * math.ceil(pixels / ALIGNMENT)
