"""From the network's grid to the image's pixels, one band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

# A band's largest stack of float32 planes, in bytes, unless one row alone has more. Small enough to stay near the
# cache, large enough that the loop costs nothing; memory does not depend on the number of classes.
_BAND_BYTES = 16 * 2**20


def bands(height: int, width: int, *, channels: int) -> Iterator[tuple[int, int]]:
    """Rows [start, stop) of bands in which `channels` float32 planes of the given width fit the budget."""
    rows = max(1, _BAND_BYTES // (4 * channels * width))
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def upsample_rows(grid: Tensor, *, cell: tuple[float, float], start: int, stop: int, width: int) -> Tensor:
    """Rows [start, stop) and the first `width` columns of a bilinear upsampling of grid (B, C, h, w).

    `cell` is the height and width of a grid cell in output pixels. For whole numbers these are the values of
    `F.interpolate(grid, scale_factor=cell, mode="bilinear", align_corners=False)`.
    """
    rows = _lerp(grid, 2, start, stop, cell[0])
    if cell[1] != int(cell[1]):
        return _lerp(rows, 3, 0, width, cell[1])
    size = (stop - start, grid.shape[3] * int(cell[1]))
    return F.interpolate(rows, size=size, mode="bilinear", align_corners=False)[..., :width]


def _lerp(grid: Tensor, dim: int, start: int, stop: int, cell: float) -> Tensor:
    """Output pixels [start, stop) along one axis; pixel centres lie at halves, as in align_corners=False."""
    last = grid.shape[dim] - 1
    at = ((torch.arange(start, stop, device=grid.device) + 0.5) / cell - 0.5).clamp(0, last)
    before = at.floor().long()
    weight = (at - before).to(grid.dtype).reshape(-1, *[1] * (3 - dim))
    after = (before + 1).clamp_max(last)
    return torch.lerp(grid.index_select(dim, before), grid.index_select(dim, after), weight)
