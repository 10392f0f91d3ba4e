"""How well low confidence detects wrong pixels: the scores of the field, all from one table of counts.

Positive means wrong. A threshold flags the pixels whose confidence lies below it, whole levels at a time. AUROC, AURC
and AUGRC are explained in `ranking`, ECE in `reliability`. Not defined are: all ratios without pixels; AUROC and FPR95
unless pixels of both kinds exist; AUPR and AUSE without wrong ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hypsegcli.metrics.ranking import BINS, augrc, aurc, auroc, levels_per_row, risk_coverage
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import ClassMeasureRow, Curve, MeasureReport, ThresholdScore
from hypsegcli.metrics.reliability import expected_calibration_error, reliability


def measure_report(
    table: NDArray[np.int64],
    class_tables: Mapping[str, NDArray[np.int64]],
    *,
    name: str,
    title: str,
    full_scale: float,
) -> MeasureReport:
    """What a measure is worth, from its (bins, 2) `ranking.score_table` and the coarser ones of each true class."""
    right, errors = (int(count) for count in table.sum(0))
    pixels = right + errors
    risk, generalised = float(aurc(table)), float(augrc(table))
    # Two rows are enough for the oracle, which orders all right pixels before all wrong ones.
    excess = risk - float(aurc(np.array([[0, errors], [right, 0]])))
    rate = float(ratio(errors, pixels))
    coverage, selective_risk = risk_coverage(table)
    return MeasureReport(
        name=name,
        title=title,
        full_scale=full_scale,
        pixels=pixels,
        errors=errors,
        auroc=float(auroc(table)),
        aupr=_average_precision(table),
        fpr95=_fpr95(table),
        aurc=risk,
        eaurc=excess,
        augrc=generalised,
        ause=float(ratio(excess, rate)),
        ause_mass=float(ratio(generalised, rate)) - rate / 2,
        ece=expected_calibration_error(table),
        pavpu=_pavpu(table),
        reliability=reliability(table),
        risk_coverage=Curve(x=coverage.tolist(), y=selective_risk.tolist()),
        classes=[_class_row(of_class, class_name) for class_name, of_class in class_tables.items()],
    )


def _class_row(table: NDArray[np.int64], name: str) -> ClassMeasureRow:
    right, errors = (int(count) for count in table.sum(0))
    return ClassMeasureRow(
        name=name,
        pixels=right + errors,
        error_rate=float(ratio(errors, right + errors)),
        auroc=float(auroc(table)),
        aurc=float(aurc(table)),
        ece=expected_calibration_error(table),
    )


def _average_precision(table: NDArray[np.int64]) -> float:
    """Precision at each level weighted by the recall that it adds, not interpolated."""
    flagged = np.cumsum(table, axis=0)
    precision = flagged[:, 1] / np.maximum(flagged.sum(1), 1)
    return float(ratio((table[:, 1] * precision).sum(), flagged[-1, 1]))


def _fpr95(table: NDArray[np.int64]) -> float:
    """Share of right pixels flagged by the strictest threshold that flags 95 % of the wrong ones."""
    flagged = np.cumsum(table, axis=0)
    right, errors = (int(count) for count in flagged[-1])
    if not errors:
        return math.nan
    first = np.argmax(20 * flagged[:, 1] >= 19 * errors)
    return float(ratio(flagged[first, 0], right))


def _pavpu(table: NDArray[np.int64]) -> ThresholdScore:
    """Accuracy versus uncertainty per pixel (Mukhoti and Gal 2018): the share that is right and sure or wrong and not.

    Thresholds are the lowest level of every row, that is spread evenly over [0, 1]; confidence below one is
    uncertain. Of equally good thresholds the lowest counts.
    """
    bins = len(table)
    right, errors = (int(count) for count in table.sum(0))
    pixels = right + errors
    below = np.cumsum(table, axis=0) - table
    good = (right - below[:, 0]) + below[:, 1]
    best = int(np.argmax(good))
    certain_right, uncertain_wrong = right - int(below[best, 0]), int(below[best, 1])
    return ThresholdScore(
        value=float(ratio(good[best], pixels)),
        threshold=best * levels_per_row(bins) / (BINS - 1) if pixels else None,
        p_accurate_given_certain=float(ratio(certain_right, pixels - int(below[best].sum()))),
        p_uncertain_given_inaccurate=float(ratio(uncertain_wrong, errors)),
        mean=float(ratio(good.sum(), bins * pixels)),
    )
