"""Which pixels of its box are a place's own, found again in the plane of doubt that the run has written."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_LARGEST = 2**25  # pixels of a box, for each of which there are some bytes meanwhile
_OFF = 0.02  # of a place's pixels, how many may be others: levels are rounded


def find_pixels(levels: NDArray[np.uint16], area: int, below: float) -> NDArray[np.bool_] | None:
    """(H, W) which pixels of a box are those of a place of `area` pixels that fills it from side to side.

    `levels` (H, W) are what the box has of 1 - p, 65535 for 1, where `find_regions` has taken pixels with p below
    `below` and joined those that touch, corners too. None where there is no such place: the plane is of another
    measure, or of another bound.
    """
    if levels.size > _LARGEST:
        return None
    bound = round(float((1 - np.float32(below)) * np.float32(65535)))  # as planes are rounded
    found: list[tuple[int, NDArray[np.bool_]]] = []
    for least in (bound, bound + 1):  # one level is on both sides of the bound
        _, parts, table, _ = cv2.connectedComponentsWithStats((levels >= least).view(np.uint8), connectivity=8)
        spans = (table[:, cv2.CC_STAT_WIDTH] == levels.shape[1]) & (table[:, cv2.CC_STAT_HEIGHT] == levels.shape[0])
        spans[0] = False  # the background
        for number in np.flatnonzero(spans):
            found.append((abs(int(table[number, cv2.CC_STAT_AREA]) - area), np.asarray(parts) == number))
    off, pixels = min(found, key=lambda one: one[0], default=(area, None))
    return pixels if off <= _OFF * area else None
