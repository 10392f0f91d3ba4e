"""From the network's grid to the image's pixels, one band of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

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

    `cell` is the height and width of a grid cell in output pixels, `width` at most w cells. For whole numbers these are
    the values of `F.interpolate(grid, scale_factor=cell, mode="bilinear", align_corners=False)`.
    """
    before, after, weight = _places(start, stop, cell[0], grid.shape[2], grid.device)
    weight = weight.to(grid.dtype)[:, None]
    rows = torch.lerp(grid.index_select(2, before), grid.index_select(2, after), weight)
    if math.isclose(grid.shape[3] * cell[1], width):
        return F.interpolate(rows, size=(stop - start, width), mode="bilinear", align_corners=False)
    return F.interpolate(rows, scale_factor=(1.0, cell[1]), mode="bilinear", align_corners=False)[..., :width]


def upsample_best(
    scores: Tensor, *, cell: tuple[float, float], height: int, width: int, budget: int = BUDGET.band_bytes
) -> Tensor:
    """Which channel of the bilinearly upsampled scores (B, K, h, w) is the largest, (B, height, width).

    As uint8; from 257 channels on as int16. Between four grid points that agree on their best channel nothing is
    interpolated: a blend of vectors that are largest in one place is largest there too. What is left, along the edges
    between regions, is worked out pixel by pixel, some of them at a time, in `budget` bytes.
    """
    B, K, h, w = scores.shape
    best = scores.max(1).indices  # on a CPU several times as fast as argmax
    corners = F.pad(best[:, None].float(), (0, 1, 0, 1), mode="replicate")[:, 0]
    here = corners[:, :-1, :-1]
    apart = (here != corners[:, :-1, 1:]) | (here != corners[:, 1:, :-1]) | (here != corners[:, 1:, 1:])
    across = _places(0, width, cell[1], w, scores.device)
    table = scores.permute(0, 2, 3, 1).reshape(-1, K)
    wide = best.to(torch.uint8 if K <= 256 else torch.int16).index_select(2, across.before)
    wide_apart = apart.index_select(2, across.before)
    found = wide.new_empty((B, height, width))
    at_once = max(1, budget // (4 * K))
    # Six: of a pixel that is worked out, three numbers of 64 bits say where it lies.
    for start, stop in bands(height, width, channels=6 * B, budget=budget):
        down = _places(start, stop, cell[0], h, scores.device)
        found[:, start:stop] = wide.index_select(1, down.before)
        for part in torch.split(wide_apart.index_select(1, down.before).nonzero(), at_once):
            b, i, j = part.unbind(1)
            rows = b * h + torch.stack([down.before[i], down.after[i]])
            columns = torch.stack([across.before[j], across.after[j]])
            near = (rows[:, None] * w + columns[None]).reshape(4, -1).t()
            y, x = down.weight[i], across.weight[j]
            shares = torch.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x], 1).to(scores.dtype)
            blend = F.embedding_bag(near, table, per_sample_weights=shares, mode="sum")
            found[b, start + i, j] = blend.max(1).indices.to(found.dtype)
    return found


class _Places(NamedTuple):
    """Where pixels of an axis lie between the points of the grid."""

    before: Tensor  # (n,) int64
    after: Tensor
    weight: Tensor  # (n,) float32, of the point after


def _places(start: int, stop: int, cell: float, points: int, device: torch.device) -> _Places:
    """Of output pixels [start, stop); pixel centres lie at halves, as in align_corners=False."""
    at = ((torch.arange(start, stop, device=device) + 0.5) / cell - 0.5).clamp(0, points - 1)
    before = at.floor().long()
    return _Places(before, (before + 1).clamp_max(points - 1), at - before)
