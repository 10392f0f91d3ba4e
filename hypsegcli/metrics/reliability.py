"""Whether a confidence can be read as the probability of being right: reliability diagram and ECE.

Both come from the table of `ranking.score_table` and read level q of uint16 as the probability q / 65535. Bins
are equal parts [a, b) of [0, 1], the last one closed. A row of a coarser table goes into a bin whole, with the mean
confidence of its levels. The expected calibration error (Naeini et al. 2015, Guo et al. 2017) is the mean over
pixels of |accuracy - mean confidence| of their bin. Edges and sums are integers, so no pixel changes its bin by
rounding and counters never saturate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hypsegcli.metrics.ranking import BINS, Counts, levels_per_row
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import ReliabilityRow

ECE_BINS = 15

_FULL = BINS - 1


def reliability(table: NDArray[np.int64], bins: int = ECE_BINS) -> list[ReliabilityRow]:
    """The bars of the diagram of a (rows, 2) table from low to high confidence, empty ones included.

    Each has the pixels with a confidence in [lower, upper), the last one in [lower, 1].
    """
    counts = _binned(table, bins)
    pixels = counts[:, 0].astype(np.float64)
    confidence = ratio(counts[:, 2] / (2 * _FULL), pixels)
    accuracy = ratio(counts[:, 1].astype(np.float64), pixels)
    return [
        ReliabilityRow(
            lower=i / bins,
            upper=(i + 1) / bins,
            pixels=int(counts[i, 0]),
            confidence=float(confidence[i]),
            accuracy=float(accuracy[i]),
        )
        for i in range(bins)
    ]


def ece_counts(table: NDArray[np.int64]) -> NDArray[np.int64]:
    """(15, 3) int64 from a table of all 65,536 levels: pixels, right pixels, sum of the levels 0..65535.

    Counts of images are added. ValueError for a coarser table, whose level sums are not known.
    """
    if len(table) != BINS:
        raise ValueError(f"a table of {len(table)} rows does not have the {BINS} levels that exact sums need")
    counts = _binned(table, ECE_BINS)
    counts[:, 2] //= 2
    return counts


def ece_from_counts(counts: Counts) -> NDArray[np.float64]:
    """(...) expected calibration error of (..., bins, 3) counts as `ece_counts` gives; NaN without pixels."""
    pixels, right, levels = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    return ratio(np.abs(right * _FULL - levels).sum(-1), pixels.sum(-1) * _FULL)


def expected_calibration_error(table: NDArray[np.int64]) -> float:
    """ECE with 15 bins of a table of any number of rows; NaN without pixels."""
    return float(ece_from_counts(_binned(table, ECE_BINS) * np.array([1.0, 1.0, 0.5])))


def _binned(table: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    """(bins, 3) int64: pixels, right pixels, twice the sum of levels; the mean level of a row may end in one half."""
    pooled = levels_per_row(len(table))
    doubled = (2 * np.arange(len(table)) + 1) * pooled - 1
    place = np.minimum(doubled * bins // (2 * _FULL), bins - 1)
    pixels = table.sum(1)
    sums = np.zeros((3, len(table) + 1), np.int64)
    np.cumsum([pixels, table[:, 0], pixels * doubled], axis=1, out=sums[:, 1:])
    # Rows of one bin follow each other: its sum is the difference of the running sums at its ends.
    return np.diff(sums[:, np.searchsorted(place, np.arange(bins + 1))], axis=1).T
