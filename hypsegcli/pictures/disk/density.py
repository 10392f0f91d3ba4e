"""Many points of the unit disk as one picture in which single points and dense clouds are both seen."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

EXTENT = 1.01  # the picture shows [-EXTENT, EXTENT] on both axes: dots on the rim are whole

_CELLS = 1010  # along a side; a printed disk of 8 cm has 12 of them a millimetre
_DOT = 1.8  # radius of a point, in cells
_SINGLE = 0.65  # opacity of a single point


def density(
    points: NDArray[np.floating], classes: NDArray[np.integer], palette: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """(side, side, 4) RGBA of points (n, 2) in the unit disk, y upwards, and their classes (n,) in `palette` (N, 3).

    A point is a small dot with smooth edges. A cell has the colour of the class with most dots there (the first one
    of several), never a blend, which would be no class's colour. Its opacity grows with the logarithm of the number
    of dots, from that of a single one to full where there are most.
    """
    best = np.zeros((_CELLS, _CELLS), np.float32)
    total = np.zeros_like(best)
    winner = np.zeros(best.shape, np.intp)
    step = _CELLS / (2.0 * EXTENT)
    across = np.clip((points[:, 0] + EXTENT) * step, 0, _CELLS - 1).astype(np.intp)
    down = np.clip((EXTENT - points[:, 1]) * step, 0, _CELLS - 1).astype(np.intp)
    cell = down * _CELLS + across
    for node in np.unique(classes).tolist():
        counts = np.bincount(cell[classes == node], minlength=best.size).reshape(best.shape)
        dots = cv2.filter2D(counts.astype(np.float32), -1, _dot(), borderType=cv2.BORDER_CONSTANT)
        total += dots
        ahead = dots > best
        winner[ahead] = node
        best = np.maximum(best, dots)
    most = max(float(total.max(initial=0.0)), 2.0)
    crowd = np.log(np.maximum(total, 1.0)) / math.log(most)
    opacity = np.where(total < 1.0, _SINGLE * total, _SINGLE + (1.0 - _SINGLE) * crowd)
    return np.dstack([palette[winner], np.rint(255.0 * opacity).astype(np.uint8)])


def _dot() -> NDArray[np.float32]:
    """The share of each cell around a point that its dot covers, roughly."""
    reach = math.ceil(_DOT)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    covered: NDArray[np.float64] = np.clip(_DOT + 0.5 - np.hypot(x, y), 0.0, 1.0)
    return covered.astype(np.float32)
