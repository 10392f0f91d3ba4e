"""Names of classes beside their points: where most of a class lie, and inside the disk without meeting each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float64]

_CELLS = 64  # along a side, in which a class's points are counted
_BLUR = 1.5  # of their counts, in cells: a single crowded one is less than a cloud
_STEP = 0.02  # between places that are tried for a name
_EDGE = 0.98  # names inside end here


class InnerName(NamedTuple):
    """Where the middle of a name stands in the unit disk, y upwards."""

    number: int  # which of the names
    x: float
    y: float


def densest(points: NDArray[np.floating]) -> Point:
    """(2,) where points (n, 2) of the unit disk lie closest together, as the eye sees them."""
    cells = np.clip((points + 1.0) * (_CELLS / 2), 0, _CELLS - 1).astype(np.intp)
    counts = np.zeros((_CELLS, _CELLS), np.float32)
    np.add.at(counts, (cells[:, 1], cells[:, 0]), 1.0)
    smooth = cv2.GaussianBlur(counts, (0, 0), _BLUR, borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(int(smooth.argmax()), smooth.shape)
    near = (np.abs(cells - [column, row]) <= 1).all(axis=1)
    # A cell that is only between others holds none itself.
    middle: Point = points[near].mean(axis=0) if near.any() else (np.array([column, row]) + 0.5) * 2 / _CELLS - 1.0
    return middle


def inner_names(anchors: Sequence[Point], sizes: Sequence[tuple[float, float]]) -> list[InnerName]:
    """Places for names of `sizes` (width, height), each as near to its anchor (2,) as those before it allow.

    None lies over another or reaches beyond the disk; one that finds no place is left out.
    """
    placed: list[tuple[InnerName, tuple[float, float]]] = []
    for number, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        for x, y in _around(anchor):
            name = InnerName(number, x, y)
            if _fits(name, size) and not any(_meet(name, size, *other) for other in placed):
                placed.append((name, size))
                break
    return [name for name, _ in placed]


def _around(anchor: Point) -> Iterator[tuple[float, float]]:
    """Places in the order of their distance."""
    reach = np.arange(-20, 21) * _STEP
    dx, dy = (grid.ravel() for grid in np.meshgrid(reach, reach))
    for index in np.argsort(np.hypot(dx, dy), kind="stable"):
        yield float(anchor[0] + dx[index]), float(anchor[1] + dy[index])


def _fits(name: InnerName, size: tuple[float, float]) -> bool:
    return bool(np.hypot(abs(name.x) + size[0] / 2, abs(name.y) + size[1] / 2) < _EDGE)


def _meet(one: InnerName, size: tuple[float, float], other: InnerName, others: tuple[float, float]) -> bool:
    return abs(one.x - other.x) < (size[0] + others[0]) / 2 and abs(one.y - other.y) < (size[1] + others[1]) / 2
