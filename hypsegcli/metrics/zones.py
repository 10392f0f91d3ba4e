"""Confidence against the distance to other classes, the analysis of "Hyperbolic Image Segmentation" (CVPR 2022).

Atigh et al. correlate each image's confidence with the distance to the nearest pixel of another class, and compare
three zones: pixels near a boundary, the inside of objects, and background.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.metrics.classes import LabelMap
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import Zone

ZONES = ("boundary", "interior", "background")


def distance_to_other_class(truth: LabelMap, classes: int) -> NDArray[np.float32]:
    """(H, W) Euclidean distance, in pixels, from each pixel to the nearest one labelled with a different class.

    Void pixels, whose value in `truth` is `classes`, are no different class, and their own distance is NaN. Every
    distance is infinite where the image has a single class.
    """
    distance = np.full(truth.shape, np.nan, np.float32)
    void = truth == classes
    present = np.flatnonzero(np.bincount(truth[~void], minlength=classes))
    if len(present) == 1:
        distance[~void] = np.inf
        return distance
    for label in present:
        own = truth == label
        around = _surroundings(own, void)
        # OpenCV measures to the nearest 0.
        same = (own | void)[around].view(np.uint8)
        depth = cv2.distanceTransform(same, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        np.copyto(distance[around], depth, where=own[around], casting="same_kind")
    # OpenCV's roots differ in the last bit from machine to machine. Squares of distances are whole numbers.
    return np.sqrt(np.rint(np.square(distance)))


def _surroundings(own: NDArray[np.bool_], void: NDArray[np.bool_]) -> tuple[slice, slice]:
    """A part of the image that holds the nearest other class of every pixel in `own`.

    That is its bounding box with one more pixel on each side: whatever lies farther out lies behind that frame, and
    the frame is of other classes. Where it holds void, it may hide something, and the part is the whole image.
    """
    x, y, width, height = cv2.boundingRect(own.view(np.uint8))
    around = np.s_[max(y - 1, 0) : y + height + 1, max(x - 1, 0) : x + width + 1]
    frame = void[around].copy()
    frame[y - around[0].start :][:height, x - around[1].start :][:, :width] = False
    return np.s_[:, :] if frame.any() else around


def pearson(levels: NDArray[np.uint16], distance: NDArray[np.float32]) -> float:
    """The correlation of confidence levels (N,) with distances (N,), over the pixels whose distance is finite.

    NaN where either is constant.
    """
    finite = np.isfinite(distance)
    x, y = levels[finite].astype(np.float64), distance[finite].astype(np.float64)
    # Judged by the values, as rounding can leave a constant some variance.
    if not x.size or (x == x[0]).all() or (y == y[0]).all():
        return float("nan")
    x -= x.mean()
    y -= y.mean()
    # Products are summed by numpy, not by BLAS, whose order depends on its threads.
    return float(np.clip((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()), -1.0, 1.0))


def count_zones(
    levels: NDArray[np.uint16],
    wrong: NDArray[np.bool_],
    distance: NDArray[np.float32],
    truth: LabelMap,
    *,
    background: int | None,
    reach: float = 10.0,
) -> NDArray[np.int64]:
    """(3, 3) counts of equally shaped planes: a row per zone, columns pixels, wrong pixels, sum of levels.

    boundary: within `reach` pixels of another class; background: the other pixels of the class `background`, if
    there is one; interior: the rest. Void pixels, whose `distance_to_other_class` is NaN, are in no zone.
    """
    inside = np.uint8(ZONES.index("interior"))
    zone = np.where(truth == background, np.uint8(ZONES.index("background")), inside)
    zone[distance <= reach] = ZONES.index("boundary")
    labelled = ~np.isnan(distance)
    zone, columns = zone[labelled], (None, wrong[labelled], levels[labelled])
    # The weighted sums are of integers below 2 ** 53, so that float64 is exact.
    counts = [np.bincount(zone, weights=column, minlength=len(ZONES)) for column in columns]
    return np.stack(counts, axis=1).astype(np.int64)


def zone_scores(counts: NDArray[np.int64]) -> list[Zone]:
    """Error rate and mean confidence of the zones that have pixels, from summed (3, 3) `count_zones`."""
    pixels, wrong, levels = counts.T
    rates, confidence = ratio(wrong, pixels), ratio(levels, pixels) / 65535.0
    return [
        Zone(name=name, pixels=int(pixels[i]), error_rate=float(rates[i]), confidence=float(confidence[i]))
        for i, name in enumerate(ZONES)
        if pixels[i]
    ]
