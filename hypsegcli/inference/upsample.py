"""From the network's grid to the image's pixels, one band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

# A band's largest stack of float32 planes, in bytes. Small enough to stay near the cache, large enough that the
# loop costs nothing; memory does not depend on the number of classes.
_BAND_BYTES = 16 * 2**20


def bands(height: int, width: int, *, channels: int) -> Iterator[tuple[int, int]]:
    """Rows [start, stop) of bands in which `channels` float32 planes of the given width fit the budget."""
    rows = max(8, _BAND_BYTES // (4 * channels * width))
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def upsample_rows(grid: Tensor, *, factor: int, start: int, stop: int, width: int) -> Tensor:
    """Rows [start, stop) and the first `width` columns of a bilinear upsampling of grid (B, C, h, w) by `factor`.

    The same values as `F.interpolate(grid, scale_factor=factor, mode="bilinear", align_corners=False)`.
    """
    last = grid.shape[2] - 1
    at = ((torch.arange(start, stop, device=grid.device) + 0.5) / factor - 0.5).clamp(0, last)
    above = at.floor().long()
    weight = (at - above).to(grid.dtype)[:, None]
    first, end = int(above[0]), min(int(above[-1]) + 2, last + 1)
    piece = grid[:, :, first:end]
    upper = piece.index_select(2, above - first)
    lower = piece.index_select(2, (above + 1).clamp_max(last) - first)
    rows = torch.lerp(upper, lower, weight)
    size = (stop - start, grid.shape[3] * factor)
    return F.interpolate(rows, size=size, mode="bilinear", align_corners=False)[..., :width]
