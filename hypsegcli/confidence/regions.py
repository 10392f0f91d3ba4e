"""Regions of an image whose pixels are likely to be wrong: the places that a person looks at, and corrects.

A region is an 8-connected set of pixels whose probability of being right is below a bound. What it may have to offer is
the expected number of its pixels that are wrong: the sum of 1 - p over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_BAND = 1 << 20  # pixels that are added up at once, for which there are some bytes each


@dataclass(frozen=True)
class Bounds:
    """What counts as a region, and how many of them are kept of an image."""

    below: float = 0.7  # the probability of being right that every pixel of a region has less than
    smallest: int = 64  # pixels; smaller ones are left out
    most: int = 20  # of an image: those with the largest expected number of wrong pixels


@dataclass(frozen=True)
class Region:
    """One of them; its box is in pixels of the image."""

    x: int  # of the leftmost pixels
    y: int  # of the uppermost ones
    width: int
    height: int
    area: int  # pixels
    expected_wrong: float  # of them
    classes: Mapping[int, int]  # the ids of its labels and how many pixels have each, most first


def wrong_by_class(
    labels: NDArray[np.uint8 | np.uint16], chance: NDArray[np.float32], valid: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """(N,) the expected number of wrong pixels of an image by the ids of its labels; see find_regions."""
    return _sums(labels, chance, int(labels.max(initial=0)) + 1, valid)


def find_regions(
    labels: NDArray[np.uint8 | np.uint16],
    chance: NDArray[np.float32],
    bounds: Bounds,
    *,
    valid: NDArray[np.bool_] | None = None,
) -> list[Region]:
    """The regions of an image, those first that have most to offer; of equal ones, the upper and then the left one.

    `labels` (H, W) are ids, `chance` (H, W) the probability p that each is right. `valid` (H, W) is False where
    pixels hold no data: they are in no region, and part what lies on their two sides.
    """
    doubtful = chance < np.float32(bounds.below)
    if valid is not None:
        doubtful &= valid
    count, found, table, _ = cv2.connectedComponentsWithStats(doubtful.view(np.uint8), connectivity=8)
    parts: NDArray[np.int32] = np.asarray(found, np.int32)
    statistics: NDArray[np.int32] = np.asarray(table, np.int32)
    large = np.flatnonzero(statistics[:, cv2.CC_STAT_AREA] >= bounds.smallest)
    large = large[large != 0]  # which is the background
    if not len(large):
        return []
    sums = _sums(parts, chance, count)[large].round(3)
    lefts, tops = (statistics[large, column] for column in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP))
    first = np.lexsort((lefts, tops, -sums))[: bounds.most]
    return [_region(labels, parts, int(large[at]), statistics[large[at]], float(sums[at])) for at in first]


def _sums(
    ids: NDArray[np.integer[Any]], chance: NDArray[np.float32], count: int, valid: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """(count,) the sum of 1 - p over the pixels of each id (H, W)."""
    sums = np.zeros(count, np.float64)
    rows = max(_BAND // ids.shape[1], 1)
    for start in range(0, len(ids), rows):
        band = slice(start, start + rows)
        missing = 1.0 - chance[band].clip(0.0, 1.0)
        if valid is not None:
            missing *= valid[band]
        sums += np.bincount(ids[band].ravel(), weights=missing.ravel(), minlength=count)
    return sums


def _region(
    labels: NDArray[np.uint8 | np.uint16],
    parts: NDArray[np.int32],
    number: int,
    statistics: NDArray[np.int32],
    wrong: float,
) -> Region:
    x, y, width, height, area = statistics[:5].tolist()
    box = slice(y, y + height), slice(x, x + width)
    pixels = np.bincount(labels[box][parts[box] == number])
    ids = np.argsort(-pixels, kind="stable")
    return Region(x, y, width, height, area, wrong, {int(index): int(pixels[index]) for index in ids if pixels[index]})
