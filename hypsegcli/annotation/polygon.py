"""Polygons to the pixels that COCO's own programs give them, so that scores of masks do not rest on who drew them.

Edges are followed on a grid five times as fine; a column's pixels change sides where an edge passes its middle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_FINER = 5
_FAR = 1_000_000  # pixels, beyond which a corner is a mistake


def draw_polygons(polygons: Sequence[Sequence[float]], height: int, width: int) -> NDArray[np.bool_]:
    """(H, W) what lies in any of some polygons, x and y by turns, in pixels; ValueError for what is no polygon."""
    inside = np.zeros((height, width), bool)
    for points in polygons:
        corners = np.asarray(points, np.float64)
        if corners.ndim != 1 or corners.size < 6 or corners.size % 2 or not np.isfinite(corners).all():
            raise ValueError("a polygon is at least three points, x and y by turns")
        if np.abs(corners).max() > _FAR:
            raise ValueError(f"a polygon has a corner more than {_FAR:,} pixels away")
        inside |= _draw(corners.reshape(-1, 2), height, width)
    return inside


def _draw(corners: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    fine = np.trunc(_FINER * corners + 0.5).astype(np.int64)
    sides = zip(fine, np.roll(fine, -1, axis=0), strict=True)
    edges = [_edge(start, end) for start, end in sides if (start != end).any()]
    if not edges:
        return np.zeros((height, width), bool)
    x, y = np.concatenate(edges).T
    crossing = np.flatnonzero(x[1:] != x[:-1])
    columns = (np.minimum(x[1:], x[:-1])[crossing] + 0.5) / _FINER - 0.5
    rows = (np.minimum(y[1:], y[:-1])[crossing] + 0.5) / _FINER - 0.5
    seen = (np.floor(columns) == columns) & (columns >= 0) & (columns <= width - 1)
    places = columns[seen].astype(np.int64) * height + np.ceil(np.clip(rows[seen], 0, height)).astype(np.int64)
    changes = np.bincount(places, minlength=height * width + 1)[: height * width]
    inside: NDArray[np.bool_] = (np.cumsum(changes) % 2 == 1).reshape(width, height).T
    return inside


def _edge(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, 2) the points of the fine grid on the way, one a step along the axis on which it is longer."""
    across, down = np.abs(end - start).tolist()
    along = 0 if across >= down else 1  # the axis of steps
    turned = start[along] > end[along]
    first, last = (end, start) if turned else (start, end)
    steps = np.arange(max(across, down) + 1)
    slope = (last[1 - along] - first[1 - along]) / max(across, down)
    points = np.empty((len(steps), 2), np.int64)
    points[:, along] = first[along] + steps
    points[:, 1 - along] = np.trunc(first[1 - along] + slope * steps + 0.5)
    return points[::-1] if turned else points
