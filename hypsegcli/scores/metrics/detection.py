"""How well low confidence finds wrong pixels: the scores of the field, all from one table of counts.

Positive means wrong. A threshold flags the pixels whose confidence lies below it, whole levels at a time. Undefined
numbers are NaN. AUROC, AURC and AUGRC are explained in `uncertainty`, ECE in `reliability`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypsegcli.scores.metrics.ranking import BINS, augrc, aurc, auroc, levels_per_row
from hypsegcli.scores.metrics.reliability import expected_calibration_error


@dataclass(frozen=True)
class Pavpu:
    """Accuracy versus uncertainty per pixel (Mukhoti and Gal 2018): the share that is right and sure or wrong and not.

    Thresholds are the lowest level of every row, that is spread evenly over [0, 1]; confidence below one is
    uncertain. Of equally good thresholds the lowest counts.
    """

    best: float
    threshold: float  # confidence in [0, 1] at which the best is reached
    p_accurate_given_certain: float  # at the threshold
    p_uncertain_given_inaccurate: float  # at the threshold
    mean: float  # over all thresholds


@dataclass(frozen=True)
class DetectionScores:
    """Scores of one confidence over a set of pixels."""

    pixels: int
    errors: int  # wrong pixels
    auroc: float
    aupr: float  # average precision: precision at each level weighted by the recall it adds, not interpolated
    fpr95: float  # share of right pixels flagged by the strictest threshold that flags 95 % of the wrong ones
    aurc: float
    eaurc: float  # AURC above that of the oracle, which orders all right pixels before all wrong ones
    augrc: float
    ause: float  # Ilg et al. 2018: mean error of the remaining pixels over the error of all, area above the oracle's
    ause_mass: float  # the same of the remaining errors over all errors, as torch-uncertainty has it
    ece: float
    pavpu: Pavpu


def detection_scores(table: NDArray[np.int64]) -> DetectionScores:
    """All scores of a (bins, 2) table of `uncertainty.score_table`.

    NaN: all ratios without pixels; AUROC and FPR95 unless pixels of both kinds exist; AUPR and AUSE without errors.
    """
    right, errors = (int(count) for count in table.sum(0))
    pixels = right + errors
    risk, generalised = float(aurc(table)), float(augrc(table))
    # Two rows are enough for the oracle: every wrong pixel below every right one.
    excess = risk - float(aurc(np.array([[0, errors], [right, 0]])))
    rate = _ratio(errors, pixels)
    return DetectionScores(
        pixels=pixels,
        errors=errors,
        auroc=float(auroc(table)),
        aupr=_average_precision(table),
        fpr95=_fpr95(table),
        aurc=risk,
        eaurc=excess,
        augrc=generalised,
        ause=_ratio(excess, rate),
        ause_mass=_ratio(generalised, rate) - rate / 2,
        ece=expected_calibration_error(table),
        pavpu=_pavpu(table),
    )


def _average_precision(table: NDArray[np.int64]) -> float:
    flagged = np.cumsum(table, axis=0)
    precision = flagged[:, 1] / np.maximum(flagged.sum(1), 1)
    return _ratio(float((table[:, 1] * precision).sum()), int(flagged[-1, 1]))


def _fpr95(table: NDArray[np.int64]) -> float:
    flagged = np.cumsum(table, axis=0)
    right, errors = (int(count) for count in flagged[-1])
    if not errors:
        return np.nan
    first = np.argmax(20 * flagged[:, 1] >= 19 * errors)
    return _ratio(int(flagged[first, 0]), right)


def _pavpu(table: NDArray[np.int64]) -> Pavpu:
    bins = len(table)
    right, errors = (int(count) for count in table.sum(0))
    pixels = right + errors
    if not pixels:
        return Pavpu(np.nan, np.nan, np.nan, np.nan, np.nan)
    below = np.cumsum(table, axis=0) - table
    good = (right - below[:, 0]) + below[:, 1]
    best = int(np.argmax(good))
    certain_right, uncertain_wrong = right - int(below[best, 0]), int(below[best, 1])
    return Pavpu(
        best=int(good[best]) / pixels,
        threshold=best * levels_per_row(bins) / (BINS - 1),
        p_accurate_given_certain=_ratio(certain_right, pixels - int(below[best].sum())),
        p_uncertain_given_inaccurate=_ratio(uncertain_wrong, errors),
        mean=int(good.sum()) / (bins * pixels),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
