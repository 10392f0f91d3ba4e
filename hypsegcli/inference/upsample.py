"""From the network's grid to the image's pixels, one band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from hypsegcli.budget import BUDGET


def bands(height: int, width: int, *, channels: int, budget: int = BUDGET.band_bytes) -> Iterator[tuple[int, int]]:
    """Rows [start, stop) of bands in which `channels` float32 planes of the given width have at most `budget` bytes."""
    rows = max(1, budget // (4 * channels * width))
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


def upsample_best(scores: Tensor, *, cell: int, height: int, width: int, budget: int = BUDGET.band_bytes) -> Tensor:
    """Which channel of the bilinearly upsampled scores (B, K, h, w) is the largest, (B, height, width).

    As uint8; from 257 channels on as int16.
    `cell` is even. Between four grid points that agree on their best channel nothing is interpolated: a blend of
    vectors that are largest in one place is largest there too. What is left, along the edges between regions, is
    worked out for each such square of cell x cell pixels, `budget` bytes at a time.
    """
    grid = F.pad(scores, (1, 1, 1, 1), mode="replicate")
    best = grid.max(1).indices  # on a CPU several times as fast as argmax
    corners = (best[:, :-1, :-1], best[:, :-1, 1:], best[:, 1:, :-1], best[:, 1:, 1:])
    agree = (corners[0] == corners[1]) & (corners[0] == corners[2]) & (corners[0] == corners[3])
    B, rows, columns = agree.shape
    kind = torch.uint8 if scores.shape[1] <= 256 else torch.int16
    blocks = corners[0].to(kind)[:, :, None, :, None].repeat(1, 1, cell, 1, cell)

    after = (torch.arange(cell, device=scores.device, dtype=scores.dtype) + 0.5) / cell
    along = torch.stack([1.0 - after, after], 1)
    weights = (along[:, None, :, None] * along[None, :, None, :]).reshape(cell * cell, 4)
    by_place = grid.permute(0, 2, 3, 1)
    every = agree.logical_not().nonzero()
    at_once = max(1, budget // (4 * cell * cell * scores.shape[1]))
    for part in torch.split(every, at_once):
        b, i, j = part.unbind(1)
        near = torch.stack([by_place[b, i + y, j + x] for y in (0, 1) for x in (0, 1)], 1)
        channels = torch.matmul(weights, near).max(2).indices
        blocks.permute(0, 1, 3, 2, 4)[b, i, j] = channels.reshape(-1, cell, cell).to(kind)
    whole = blocks.reshape(B, rows * cell, columns * cell)
    return whole[:, cell // 2 :, cell // 2 :][:, :height, :width]
