"""Proper scores of class probabilities: negative log-likelihood and Brier score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hypsegcli.metrics.classes import LabelMap
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import Proper, ProperRow

NATS = 2**20  # the unit of summed scores, whose sum over 10^11 pixels fits into 63 bits

# Where a stored probability is 0, for 16 bits have nothing smaller, its logarithm is taken here.
SMALLEST_PROBABILITY = 2.0**-24


def count_proper(proper: NDArray[np.float32], truth: LabelMap, classes: int) -> NDArray[np.int64]:
    """(C, 3) by true class: pixels, their summed NLL, their summed Brier score, both in 1 / NATS.

    `proper` (2, N) has the true class's probability and the sum of squares of all, `truth` (N,) the true class.
    NLL: -ln p(true class). Brier score: the squared distance of all probabilities to 1 at the true class, 0 else.
    """
    true, squares = proper.astype(np.float64)
    nll = -np.log(np.maximum(true, SMALLEST_PROBABILITY))
    brier = squares - 2.0 * true + 1.0
    counts = np.zeros((classes, 3), np.int64)
    counts[:, 0] = np.bincount(truth, minlength=classes)
    for column, values in ((1, nll), (2, brier)):
        # Weights add up in float64, in which these whole numbers are exact: an image has fewer than 2^28 pixels.
        counts[:, column] = np.bincount(truth, weights=np.rint(values * NATS), minlength=classes)
    return counts


def proper_scores(counts: NDArray[np.int64], names: Sequence[str]) -> Proper | None:
    """Means over all pixels and over those of each class from summed (C, 3) `count_proper`; None without pixels."""
    if not counts[:, 0].any():
        return None
    pixels, nll, brier = counts.astype(np.float64).T
    of_classes = zip(names, ratio(nll, pixels) / NATS, ratio(brier, pixels) / NATS, strict=True)
    return Proper(
        nll=float(ratio(nll.sum(), pixels.sum())) / NATS,
        brier=float(ratio(brier.sum(), pixels.sum())) / NATS,
        classes=[
            ProperRow(name=name, nll=float(of_nll), brier=float(of_brier)) for name, of_nll, of_brier in of_classes
        ],
    )
