"""From points scattered over an image back to all of its pixels, by triangles between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.sampling.warp import Warp

_AT_ONCE = 1 << 18  # pixels that are looked up at a time


class Scattered:
    """A network's grid whose points lie where its image was sampled.

    Between three points a plane is linear (barycentric). The outermost points are repeated on the image's border.
    """

    def __init__(
        self,
        warp: Warp,
        rows: NDArray[np.float64],
        columns: NDArray[np.float64],
        height: int,
        width: int,
    ) -> None:
        """The points of the grid lie at `rows` (h,) and `columns` (w,) of samples; the image has height x width pixels.

        Points that lie beyond the samples, since these were padded, are left out.
        """
        from scipy.spatial import Delaunay

        self._height, self._width = height, width
        self._kept = max(1, int((rows < warp.height).sum())), max(1, int((columns < warp.width).sum()))
        down = np.concatenate([[0.0], rows[: self._kept[0]].clip(0, warp.height), [warp.height]])
        across = np.concatenate([[0.0], columns[: self._kept[1]].clip(0, warp.width), [warp.width]])
        self._triangles = Delaunay(warp.at(down, across).reshape(-1, 2) * (height, width))
        self._found = self._find()

    def rows(self, grid: Tensor, start: int, stop: int, width: int) -> Tensor:
        """Rows [start, stop) of planes (B, C, ...) of the image's pixels, from a grid (B, C, h, w)."""
        found, middles = self._found[start:stop, :width].ravel(), self._middles(start, stop, width)
        table = self._padded(grid).permute(2, 3, 0, 1).flatten(0, 1).flatten(1)
        return self._blend(table, found, middles).t().reshape(*grid.shape[:2], stop - start, width)

    def best(self, scores: Tensor, height: int, width: int, budget: int) -> Tensor:
        """Which channel of scores (B, K, h, w) is the largest at every pixel, (B, height, width).

        As uint8; from 257 channels on as int16. In a triangle whose corners agree, nothing is interpolated; what is
        left, along the edges between regions, in `budget` bytes.
        """
        B, K = scores.shape[:2]
        tables = self._padded(scores).flatten(2).transpose(1, 2)
        corners = torch.from_numpy(self._triangles.simplices).to(scores.device, torch.int64)
        kind = torch.uint8 if K <= 256 else torch.int16
        best = torch.empty((B, height, width), dtype=kind, device=scores.device)
        for index, table in enumerate(tables):
            of_corners = table.max(1).indices.to(kind)[corners]
            apart = (of_corners != of_corners[:, :1]).any(1)
            for start, stop in self._bands(height):
                found = torch.from_numpy(self._found[start:stop, :width].ravel()).to(scores.device, torch.int64)
                labels = of_corners[:, 0][found]
                for part in torch.split(apart[found].nonzero()[:, 0], max(1, budget // (4 * K))):
                    pixels = part.cpu().numpy()
                    middles = np.stack([start + pixels // width, pixels % width], 1) + 0.5
                    labels[part] = self._blend(table, found[part].cpu().numpy(), middles).max(1).indices.to(kind)
                best[index, start:stop] = labels.reshape(stop - start, width)
        return best

    def _bands(self, height: int) -> Iterator[tuple[int, int]]:
        rows = max(1, _AT_ONCE // self._width)
        for start in range(0, height, rows):
            yield start, min(start + rows, height)

    def _find(self) -> NDArray[np.int32]:
        """(height, width) the triangle in which the middle of each pixel lies."""
        found = np.empty((self._height, self._width), np.int32)
        for start, stop in self._bands(self._height):
            middles = self._middles(start, stop, self._width)
            triangles = self._triangles.find_simplex(middles)
            if (lost := triangles < 0).any():  # on a side, by rounding: any triangle there will do
                triangles[lost] = self._triangles.find_simplex(middles[lost], tol=1e-6)
            found[start:stop] = triangles.reshape(stop - start, self._width)
        return found

    def _middles(self, start: int, stop: int, width: int) -> NDArray[np.float64]:
        rows, columns = np.mgrid[start:stop, :width] + 0.5
        return np.stack([rows.ravel(), columns.ravel()], 1)

    def _blend(self, table: Tensor, triangles: NDArray[np.integer[Any]], middles: NDArray[np.float64]) -> Tensor:
        """(n, C) of points (n, 2) in triangles, from a table (h * w, C) of what is said at their corners."""
        to_shares = self._triangles.transform[triangles]
        two = np.einsum("nij,nj->ni", to_shares[:, :2], middles - to_shares[:, 2])
        shares = torch.from_numpy(np.concatenate([two, 1 - two.sum(1, keepdims=True)], 1)).to(table)
        corners = torch.from_numpy(self._triangles.simplices[triangles]).to(table.device, torch.int64)
        return F.embedding_bag(corners, table, per_sample_weights=shares, mode="sum")

    def _padded(self, grid: Tensor) -> Tensor:
        return F.pad(grid[:, :, : self._kept[0], : self._kept[1]], (1, 1, 1, 1), mode="replicate")
