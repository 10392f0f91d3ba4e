"""How well a confidence ranks right pixels above wrong ones, from one table of counts.

The table is int64 (bins, 2). Row i holds the pixels of one confidence level, or of a few neighbouring ones, the
confidence rising with i; column 0 counts right pixels, column 1 wrong ones. Pixels of one row are tied. Tables of
images are added, so any split of the data gives the same table to the last bit, and every number here needs nothing
else. Sums stay exact and the numbers accurate to float64 up to some 10^11 pixels.

    AUROC   probability that a wrong pixel has less confidence than a right one, ties half (Mann-Whitney)
    AURC    mean over k = 1..n of the selective risk, the share of wrong pixels among the k surest (Geifman and
            El-Yaniv 2017); within ties the expected value over a random order, so no order of the file matters
    AUGRC   area under the generalised risk, wrong pixels among the accepted over n, against coverage, straight
            lines between the levels (Traub et al. 2024); equals (1 - AUROC) accuracy error + error^2 / 2
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.levels import LEVELS
from hypsegcli.metrics.ratio import ratio

Counts = NDArray[np.int64] | NDArray[np.float64]

BINS = LEVELS  # one row a level

# From here on three terms of the series for harmonic numbers are exact to float64.
_EXACT = 64
_HARMONIC = np.array([math.fsum(1.0 / i for i in range(1, m + 1)) for m in range(_EXACT + 1)])


def score_table(levels: NDArray[np.uint16], wrong: NDArray[np.bool_], bins: int = BINS) -> NDArray[np.int64]:
    """(bins, 2) int64 counts of (right, wrong) pixels from (N,) confidence levels and (N,) whether each is wrong.

    `bins` is 65,536 or a smaller power of two: row i then pools levels i s .. i s + s - 1, s = 65,536 / bins.
    """
    cell = levels.astype(np.intp)
    cell //= levels_per_row(bins)
    cell *= 2
    cell += wrong
    return np.bincount(cell, minlength=2 * bins).astype(np.int64, copy=False).reshape(bins, 2)


def levels_per_row(bins: int) -> int:
    """How many of the 65,536 levels a row pools. ValueError unless `bins` divides them evenly."""
    if bins < 1 or BINS % bins:
        raise ValueError(f"{bins} rows cannot share {BINS} levels evenly; take a power of two up to {BINS}")
    return BINS // bins


def auroc(table: Counts) -> NDArray[np.float64]:
    """(...) AUROC of (..., bins, 2) counts; NaN where no pixel is wrong or none is right."""
    right, wrong = _columns(table)
    pairs = right.sum(-1) * wrong.sum(-1)
    return ratio((right * (np.cumsum(wrong, -1) - wrong / 2)).sum(-1), pairs)


def aurc(table: Counts) -> NDArray[np.float64]:
    """(...) AURC of (..., bins, 2) whole counts; NaN where there is no pixel."""
    right, wrong = _columns(table)
    pixels = right + wrong
    surer, wrong_surer = _surer(pixels), _surer(wrong)
    # With a surer pixels, E of them wrong, the k-th pixel of a row with error rate r has the expected risk
    # (E + (k - a) r) / k = r + (E - a r) / k, and the sum of 1 / k over the row is a difference of harmonic numbers.
    rate = wrong / np.maximum(pixels, 1.0)
    risks = wrong + (wrong_surer - surer * rate) * harmonic_difference(surer, surer + pixels)
    return ratio(risks.sum(-1), pixels.sum(-1))


def augrc(table: Counts) -> NDArray[np.float64]:
    """(...) AUGRC of (..., bins, 2) counts; NaN where there is no pixel."""
    right, wrong = _columns(table)
    pixels = right + wrong
    return ratio((pixels * (_surer(wrong) + wrong / 2)).sum(-1), pixels.sum(-1) ** 2)


def risk_coverage(table: NDArray[np.int64], points: int = 200) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coverage and selective risk of a (bins, 2) table, for a plot; each (P,), 1 <= P <= points.

    A point is where a level ends, from the surest down; the last has coverage 1. Where there are more levels than
    `points`, the first that reaches each multiple of 1 / points is kept. Without pixels both arrays are empty.
    """
    pixels, wrong = table.sum(1)[::-1], table[::-1, 1]
    filled = pixels > 0
    accepted, errors = np.cumsum(pixels)[filled], np.cumsum(wrong)[filled]
    if len(accepted) > points:
        targets = np.arange(1, points + 1) * accepted[-1]
        kept = np.unique(np.searchsorted(accepted * points, targets))
        accepted, errors = accepted[kept], errors[kept]
    return accepted / accepted[-1:], errors / accepted


def harmonic_difference(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (low + 1) + ... + 1 / high for whole numbers 0 <= low <= high, without cancellation between large ones."""
    exact_low, exact_high = np.minimum(low, _EXACT), np.minimum(high, _EXACT)
    exact = _HARMONIC[exact_high.astype(np.intp)] - _HARMONIC[exact_low.astype(np.intp)]
    start, end = np.maximum(low, _EXACT), np.maximum(high, _EXACT)
    difference: NDArray[np.float64] = exact + np.log1p((end - start) / (start + 0.5)) + (_tail(end) - _tail(start))
    return difference


def _tail(m: NDArray[np.float64]) -> NDArray[np.float64]:
    """H(m) - Euler's constant - log(m + 1/2), for large m."""
    u = (m + 0.5) ** -2.0
    tail: NDArray[np.float64] = u * (1 / 24 + u * (-7 / 960 + u * (31 / 8064)))
    return tail


def _columns(table: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(..., bins) right and wrong pixels; whole numbers below 2^53 stay exact."""
    counts = np.asarray(table, dtype=np.float64)
    return counts[..., 0], counts[..., 1]


def _surer(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., bins) counts of the rows above each row."""
    surer: NDArray[np.float64] = counts.sum(-1, keepdims=True) - np.cumsum(counts, -1)
    return surer
