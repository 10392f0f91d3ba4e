"""Regions of an image whose pixels are likely to be wrong: the places that a person looks at, and corrects.

A region is an 8-connected set of pixels whose probability of being right is below a bound. What it may have to offer is
the expected number of its pixels that are wrong: the sum of 1 - p over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BAND = 1 << 20  # pixels that are added up at once, for which there are some bytes each


@dataclass(frozen=True)
class Bounds:
    """What counts as a region, and how many of them are kept of an image."""

    below: float = 0.7  # the probability of being right that every pixel of a region has less than
    least: int = 64  # pixels; smaller ones are left out
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


def expected_wrong(chance: NDArray[np.float32], counted: NDArray[np.bool_] | None = None) -> float:
    """The expected number of wrong pixels of an image: the sum of 1 - p, as `find_regions` takes p."""
    missing = 1.0 - chance.clip(0.0, 1.0) if counted is None else (1.0 - chance.clip(0.0, 1.0)) * counted
    return float(missing.sum(dtype=np.float64))


def find_regions(
    labels: NDArray[np.uint8 | np.uint16],
    chance: NDArray[np.float32],
    bounds: Bounds,
    *,
    counted: NDArray[np.bool_] | None = None,
) -> list[Region]:
    """The regions of an image, those first that have most to offer; of equal ones, the upper and then the left one.

    `labels` (H, W) are ids, `chance` (H, W) the probability p that each is right. `counted` (H, W) is False where
    pixels hold no data, or are not to be looked at: they are in no region, and part what lies on their two sides.
    """
    doubtful = chance < np.float32(bounds.below)
    if counted is not None:
        doubtful &= counted
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(doubtful.view(np.uint8), connectivity=8)
    large = np.flatnonzero(statistics[:, cv2.CC_STAT_AREA] >= bounds.least)
    large = large[large != 0]  # which is the background
    if not len(large):
        return []
    sums = _sums(parts, chance, count)[large]
    lefts, tops = (statistics[large, column] for column in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP))
    first = np.lexsort((lefts, tops, -sums))[: bounds.most]
    return [_region(labels, parts, int(large[at]), statistics[large[at]], float(sums[at])) for at in first]


def _sums(parts: NDArray[np.int32], chance: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """(count,) the sum of 1 - p over the pixels of each part, to a thousandth of a pixel."""
    sums = np.zeros(count, np.float64)
    rows = max(_BAND // parts.shape[1], 1)
    for start in range(0, len(parts), rows):
        band = chance[start : start + rows].clip(0.0, 1.0)
        sums += np.bincount(parts[start : start + rows].ravel(), weights=1.0 - band.ravel(), minlength=count)
    return sums.round(3)


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
