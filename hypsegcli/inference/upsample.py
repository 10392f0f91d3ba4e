"""From the network's grid to the image's pixels, one band of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.budget import BUDGET
from hypsegcli.network.config import Kind

Size = tuple[int, int]  # height and width


class Placement(Protocol):
    """How a grid lies over an image of some size."""

    def rows(self, grid: Tensor, start: int, stop: int, width: int) -> Tensor:
        """Rows [start, stop) of planes (B, C, ..., width) of the image, from a grid (B, C, h, w)."""

    def best(self, scores: Tensor, height: int, width: int, budget: int) -> Tensor:
        """Which channel of the scores (B, K, h, w) is the largest at every pixel, (B, height, width).

        What is worked out pixel by pixel takes `budget` bytes at a time.
        """


class Cells(NamedTuple):
    """How a grid lies over an image: how large its cells are in output pixels, and where in them its points lie.

    The shift is that of the points, in cells, from the middles, where those of `align_corners=False` are, towards the
    first corner.
    """

    height: float
    width: float
    shift: tuple[float, float] = (0.0, 0.0)

    def rows(self, grid: Tensor, start: int, stop: int, width: int) -> Tensor:
        """As in `Placement`: bilinear."""
        return upsample_rows(grid, cell=self, start=start, stop=stop, width=width)

    def best(self, scores: Tensor, height: int, width: int, budget: int) -> Tensor:
        """As in `Placement`."""
        return upsample_best(scores, cell=self, height=height, width=width, budget=budget)

    def middles(self, points: Size) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and columns of the points of a grid (h, w), in output pixels, from the outer corner of the first."""
        sides = zip(points, (self.height, self.width), self.shift, strict=True)
        rows, columns = ((np.arange(number, dtype=np.float64) + (0.5 - shift)) * side for number, side, shift in sides)
        return rows, columns


def bands(height: int, width: int, *, channels: int, budget: int = BUDGET.band_bytes) -> Iterator[tuple[int, int]]:
    """Rows [start, stop) of bands in which `channels` float32 planes of the given width have at most `budget` bytes."""
    rows = max(1, budget // (4 * channels * width))
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def upsample_rows(grid: Tensor, *, cell: Cells, start: int, stop: int, width: int) -> Tensor:
    """Rows [start, stop) and the first `width` columns of a bilinear upsampling of grid (B, C, h, w).

    `width` is at most w cells. For whole numbers, and without a shift, these are the values of
    `F.interpolate(grid, scale_factor=(cell.height, cell.width), mode="bilinear", align_corners=False)`.
    """
    before, after, weight = _places(start, stop, cell.height, cell.shift[0], grid.shape[2], grid.device)
    weight = weight.to(grid.dtype)[:, None]
    rows = torch.lerp(grid.index_select(2, before), grid.index_select(2, after), weight)
    if cell.shift[1]:
        before, after, weight = _places(0, width, cell.width, cell.shift[1], grid.shape[3], grid.device)
        return torch.lerp(rows.index_select(3, before), rows.index_select(3, after), weight.to(grid.dtype))
    if math.isclose(grid.shape[3] * cell.width, width):
        return F.interpolate(rows, size=(stop - start, width), mode="bilinear", align_corners=False)
    return F.interpolate(rows, scale_factor=(1.0, cell.width), mode="bilinear", align_corners=False)[..., :width]


def upsample_best(scores: Tensor, *, cell: Cells, height: int, width: int, budget: int = BUDGET.band_bytes) -> Tensor:
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
    across = _places(0, width, cell.width, cell.shift[1], w, scores.device)
    table = scores.permute(0, 2, 3, 1).reshape(-1, K)
    wide = best.to(torch.uint8 if K <= 256 else torch.int16).index_select(2, across.before)
    wide_apart = apart.index_select(2, across.before)
    found = wide.new_empty((B, height, width))
    at_once = max(1, budget // (4 * K))
    # Six: of a pixel that is worked out, three numbers of 64 bits say where it lies.
    for start, stop in bands(height, width, channels=6 * B, budget=budget):
        down = _places(start, stop, cell.height, cell.shift[0], h, scores.device)
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


def lay_cells(kind: Kind, grid: Size, padded: Size, went_in: Size, image: Size) -> Cells:
    """How a network's grid lies over an image, height and width each.

    The image went in as `went_in`, larger or smaller than it is, and was padded behind to `padded`, which all of the
    grid lies over.
    """
    lengths, shifts = [], []
    for points, pixels, old, new in zip(grid, padded, went_in, image, strict=True):
        step = pixels / points
        if kind.upsampling == "corners":
            step = (pixels - 1) / (points - 1) if min(points, pixels) > 1 else math.inf
        lengths.append(step * new / old)
        shifts.append(0.0 if kind.upsampling == "centres" else 0.5 - 0.5 / step)
    return Cells(lengths[0], lengths[1], (shifts[0], shifts[1]))


class _Places(NamedTuple):
    """Where pixels of an axis lie between the points of the grid."""

    before: Tensor  # (n,) int64
    after: Tensor
    weight: Tensor  # (n,) float32, of the point after


def _places(start: int, stop: int, cell: float, shift: float, points: int, device: torch.device) -> _Places:
    """Of output pixels [start, stop), whose centres lie at halves, for points that are shifted as in `Cells`."""
    at = ((torch.arange(start, stop, device=device) + 0.5) / cell - (0.5 - shift)).clamp(0, points - 1)
    before = at.floor().long()
    return _Places(before, (before + 1).clamp_max(points - 1), at - before)
