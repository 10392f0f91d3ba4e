"""Scores of label maps, all from one confusion matrix.

A confusion matrix is int64 (C, C + 1): rows are true classes, void pixels left out; columns are predicted classes; the
last column counts the labelled pixels that got no class. These are misses of their true class and false positives
of none. Matrices of images are added. Shares are from 0 to 1; 0/0 is NaN, and not defined in the report's records.

Tools agree on the scores of a class. They differ in which classes a mean is taken over: this is a `Convention`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.metrics.conventions import CONVENTIONS, ConventionName, Over, Which
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import ClassRow, Means

Counts = NDArray[np.int64]
Values = NDArray[np.float64]
LabelMap = NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of each class, (C,) each; NaN where a class has no such score."""

    iou: Values
    recall: Values
    precision: Values
    f1: Values
    truth_pixels: Counts
    predicted_pixels: Counts


def confusion_matrix(truth: LabelMap, predicted: LabelMap, classes: int) -> Counts:
    """Int64 (C, C + 1) from two (H, W) label maps in which the value C is void or no class.

    Raises ValueError for maps of different shapes and for values above C.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"label maps of shape {truth.shape} and {predicted.shape} cannot be compared")
    # A larger value would be counted in another class's row.
    if max(truth.max(initial=0), predicted.max(initial=0)) > classes:
        raise ValueError(f"label maps have values above {classes}")
    cell = truth.astype(np.intp)
    cell *= classes + 1
    cell += predicted
    counts = np.bincount(cell.ravel(), minlength=(classes + 1) ** 2)
    return counts.reshape(classes + 1, classes + 1)[:classes].astype(np.int64)


def class_scores(confusion: Counts) -> ClassScores:
    """Scores of each class from a (C, C + 1) confusion matrix."""
    hit, truth, predicted = _areas(confusion)
    return ClassScores(
        iou=iou_from_counts(hit, truth, predicted),
        recall=ratio(hit, truth),
        precision=ratio(hit, predicted),
        f1=ratio(2 * hit, truth + predicted),
        truth_pixels=truth,
        predicted_pixels=predicted,
    )


def class_rows(
    names: Sequence[str], confusion: Counts, bands: Counts, intervals: Mapping[str, tuple[float, float]]
) -> list[ClassRow]:
    """The report's row of each class, from its (C, C + 1) confusion matrix and the (3, C) counts of Boundary IoU.

    `intervals` has the ends of the IoU's 95 % interval by class name, where there is one.
    """
    scores, boundary_iou = class_scores(confusion), iou_from_counts(*bands)
    rows = []
    for index, name in enumerate(names):
        low, high = intervals.get(name, (None, None))
        rows.append(
            ClassRow(
                name=name,
                truth_pixels=int(scores.truth_pixels[index]),
                predicted_pixels=int(scores.predicted_pixels[index]),
                iou=float(scores.iou[index]),
                iou_low=low,
                iou_high=high,
                recall=float(scores.recall[index]),
                precision=float(scores.precision[index]),
                f1=float(scores.f1[index]),
                boundary_iou=float(boundary_iou[index]),
            )
        )
    return rows


def mean_scores(confusion: Counts, convention: ConventionName = "cityscapes", over: Over = "present") -> Means:
    """Means from a (C, C + 1) confusion matrix by the convention of that name; none where no pixel is labelled.

    `over="all"` takes every mean over all C classes and counts as 0 what a class does not have.
    """
    scores, rule = class_scores(confusion), CONVENTIONS[convention]
    (hit, truth, predicted), total = _areas(confusion), confusion.sum()
    chosen: dict[Which, NDArray[np.bool_]] = {
        "true": truth > 0,
        "predicted": predicted > 0,
        "either": truth + predicted > 0,
        "hit": hit > 0,
        "every": np.full(len(hit), total > 0),
    }

    def mean(values: Values, which: Which) -> float:
        among = chosen["every" if over == "all" else which]
        return float(ratio(np.nan_to_num(values[among]).sum(), among.sum()))

    return Means(
        pixel_accuracy=float(ratio(hit.sum(), total)),
        miou=mean(scores.iou, "either"),
        class_accuracy=mean(scores.recall, rule.class_accuracy),
        mean_precision=mean(scores.precision, rule.mean_precision),
        mean_f1=mean(scores.f1, rule.mean_f1),
        fwiou=float(ratio((truth * np.nan_to_num(scores.iou)).sum(), total)),
        definition=rule.definition(over),
    )


def iou_from_counts(hit: NDArray[Any], truth: NDArray[Any], predicted: NDArray[Any]) -> Values:
    """(..., C) IoU from (..., C) numbers of right, true and predicted pixels; NaN where there are neither."""
    return ratio(hit, truth + predicted - hit)


def _areas(confusion: Counts) -> tuple[Counts, Counts, Counts]:
    """(C,) right, true and predicted pixels."""
    return np.diag(confusion), confusion.sum(axis=1), confusion[:, :-1].sum(axis=0)
