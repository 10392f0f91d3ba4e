"""How well boundaries lie: Boundary IoU of classes, F of label edges, and F of the ridges of a boundary map.

Label maps are (H, W) uint8 or uint16. The value `classes` means none: void in the truth, no class in a prediction.
Distances are pixels. Counts are int64 and are added over images.

Bands follow Cheng et al., "Boundary IoU" (CVPR 2021) and boundary-iou-api: the pixels of a class within Chebyshev
distance `tolerance` of something else, beyond the picture's edge included. There is no official version for semantic
segmentation. This one pools counts over the data set, and leaves out pixels within `tolerance` (Chebyshev) of void
ones: whether they lie at an edge is not known, and with them a perfect answer would not reach 1.

Edges follow Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation" (CVPR
2016), without its classes and with counts pooled: an edge pixel differs from its right or its lower neighbour, and
has a match if the other side has an edge pixel within Euclidean distance `tolerance`. An edge of the truth lies
between two labelled pixels. Edge pixels within `tolerance` of void are not judged, as nobody knows what is there.
They still serve as partners: a judged pixel is never called wrong because its partner lies next to void.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.boundary import round_kernel
from hypsegcli.metrics.classes import LabelMap
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import ConfidenceBoundary

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64] | int

_SMALL_DISK = 6  # pixels of radius, up to which a disk is quicker as a whole

# Ridges, in pixels.
_DEPTH = 16  # half the widest plateau that still has a crest; confidence.boundary finds valleys of half width 10
_REACH = 2  # to either side a crest is the highest; the maps are smooth over as much
_WINDOW = 9  # over which the direction of a ridge is judged


def tolerance_pixels(tolerance: float, *, share: bool, height: int, width: int) -> int:
    """At least 1 pixel: a number of pixels, or a share of the picture's diagonal (0.005 is usual for Cityscapes)."""
    return max(1, round(tolerance * (height**2 + width**2) ** 0.5 if share else tolerance))


@dataclass(frozen=True)
class BoundaryCounts:
    """Pixels of one image, int64."""

    bands: NDArray[np.int64]  # (3, C) in both bands of the class, in the truth's, in the predicted one
    edges: NDArray[np.int64]  # (4,) judged edge pixels: predicted, those of them with a match, true, those with a match


def count_boundaries(truth: LabelMap, predicted: LabelMap, *, classes: int, tolerance: int) -> BoundaryCounts:
    """The counts of one image. A predicted none has edges with its neighbours, but no band."""
    labelled = truth != classes
    window = np.ones((2 * tolerance + 1, 2 * tolerance + 1), np.uint8)
    known = cv2.dilate((~labelled).view(np.uint8), window) == 0
    band_truth, band_predicted = _band(truth, tolerance) & known, _band(predicted, tolerance) & known
    true, answered, judged = _edges(truth, labelled), _edges(predicted), ~_near(~labelled, tolerance)
    true_judged, answered_judged = true & judged, answered & judged

    def per_class(labels: LabelMap, mask: Mask) -> NDArray[np.int64]:
        return np.bincount(labels[mask], minlength=classes + 1)[:classes].astype(np.int64)

    both = per_class(truth, band_truth & band_predicted & (truth == predicted))
    sides = (
        answered_judged,
        answered_judged & _near(true, tolerance),
        true_judged,
        true_judged & _near(answered, tolerance),
    )
    return BoundaryCounts(
        np.stack([both, per_class(truth, band_truth), per_class(predicted, band_predicted)]),
        np.array([np.count_nonzero(side) for side in sides], np.int64),
    )


def f_from_counts(
    predicted: Counts, predicted_matched: Counts, truth: Counts, truth_matched: Counts
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Precision, recall and F of equally shaped counts, element by element.

    Precision is NaN where nothing was predicted, recall where there is nothing to find, F where both are. F is 0
    where only one side is empty or nothing matches.
    """
    precision, recall = ratio(predicted_matched, predicted), ratio(truth_matched, truth)
    # An empty side matches nothing: it adds 0 to both halves of the harmonic mean.
    p, r = np.nan_to_num(precision), np.nan_to_num(recall)
    f = np.nan_to_num(ratio(2 * p * r, p + r))
    return precision, recall, np.where(np.isnan(precision) & np.isnan(recall), np.nan, f)


def thin_ridges(strength: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) `strength` on the crests of its ridges, one or two pixels wide, and 0 elsewhere.

    Strength itself has plateaus. Height is strength summed over minimum filters of growing size: how deep a pixel
    lies inside the level sets of the map, summed over all levels. It rises to the middle of a plateau of up to 32
    pixels; wider ones are areas and have no crest. A ridge runs in the direction, up or across, in which height
    varies less. A crest is the highest pixel of a short line in the other direction, and higher than both its ends.
    """
    layer, height = strength, strength.astype(np.uint16)
    cell = np.ones((3, 3), np.uint8)
    for _ in range(_DEPTH):
        layer = cv2.erode(layer, cell).astype(np.uint8)  # beyond the picture's edge the ridge goes on
        height += layer
    line = np.ones((1, 2 * _REACH + 1), np.uint8)
    crests = []
    for plane in (height, np.ascontiguousarray(height.T)):
        ends = cv2.copyMakeBorder(plane, 0, 0, _REACH, _REACH, cv2.BORDER_REPLICATE)
        left, right = ends[:, : -2 * _REACH], ends[:, 2 * _REACH :]
        highest = (plane == cv2.dilate(plane, line)) & (plane > left) & (plane > right)
        step = np.abs(np.diff(plane.astype(np.float32), axis=1, append=plane[:, -1:]))
        # The sums stay below 2 ** 24, so that float32 is exact.
        crests.append((highest, cv2.boxFilter(step, -1, (_WINDOW, _WINDOW), normalize=False)))
    (across, varies_across), (up, varies_up) = crests
    crest = np.where(varies_across >= varies_up.T, across, up.T)
    return np.where(crest, strength, np.uint8(0))


def count_ridges(strength: NDArray[np.uint8], truth: LabelMap, *, classes: int, tolerance: int) -> NDArray[np.int64]:
    """(3, 256) histograms of strength: ridge pixels near a truth edge, ridge pixels far from any, and truth edges.

    A truth edge pixel counts with the strongest ridge pixel within `tolerance`; 0 if there is none.
    """
    labelled, ridges = truth != classes, thin_ridges(strength)
    edges, judged = _edges(truth, labelled), ~_near(~labelled, tolerance)
    near, crests = _near(edges, tolerance), (ridges > 0) & judged
    rows = (ridges[crests & near], ridges[crests & ~near], dilate_by_disk(ridges, tolerance)[edges & judged])
    return np.stack([np.bincount(row, minlength=256) for row in rows]).astype(np.int64)


def ridge_curve(counts: NDArray[np.int64]) -> ConfidenceBoundary:
    """Precision, recall and F of the ridges at least as strong as each threshold, 1 to 255.

    `counts` are summed (3, 256) `count_ridges`. Not defined is what is NaN in `f_from_counts`; the best threshold is
    the lowest one that reaches the best F.
    """
    near, far, matched = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1][:, 1:]
    precision, recall, f = f_from_counts(near + far, near, np.full(255, counts[2].sum()), matched)
    best = None if np.isnan(f).all() else int(np.nanargmax(f))
    return ConfidenceBoundary(
        thresholds=list(range(1, 256)),
        precision=precision.tolist(),
        recall=recall.tolist(),
        f=f.tolist(),
        best_f=None if best is None else float(f[best]),
        best_threshold=None if best is None else best + 1,
    )


def _band(labels: LabelMap, tolerance: int) -> Mask:
    """Which pixels lie in the band of their own label: not all labels within reach are equal, or the edge is."""
    window = np.ones((2 * tolerance + 1, 2 * tolerance + 1), np.uint8)
    band: Mask = cv2.dilate(labels, window) != cv2.erode(labels, window)
    band[:tolerance] = band[-tolerance:] = True
    band[:, :tolerance] = band[:, -tolerance:] = True
    return band


def _edges(labels: LabelMap, labelled: Mask | None = None) -> Mask:
    edges = np.zeros(labels.shape, np.bool_)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        differ = labels[here] != labels[there]
        edges[here] |= differ if labelled is None else differ & labelled[here] & labelled[there]
    return edges


def _near(mask: Mask, radius: int) -> Mask:
    return dilate_by_disk(mask.view(np.uint8), radius) > 0


def dilate_by_disk(plane: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """The maximum over the disk x^2 + y^2 <= radius^2."""
    if radius <= _SMALL_DISK:
        return np.asarray(cv2.dilate(plane, round_kernel(radius)), np.uint8)
    # A whole disk costs its area at every pixel, its rows one by one only their number.
    dilated = np.zeros_like(plane)
    for down in range(min(radius, len(plane) - 1) + 1):
        row = np.ones((1, 2 * math.isqrt(radius**2 - down**2) + 1), np.uint8)
        wide = cv2.dilate(plane, row)
        np.maximum(dilated[down:], wide[: len(plane) - down], out=dilated[down:])
        np.maximum(dilated[: len(plane) - down], wide[down:], out=dilated[: len(plane) - down])
    return dilated
