"""The few scores by which a faster way to run a network is kept or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.metrics.classes import confusion_matrix, mean_scores
from hypsegcli.metrics.ranking import BINS, auroc, score_table
from hypsegcli.metrics.reliability import expected_calibration_error
from hypsegcli.scores.reading import predicted_images
from hypsegcli.scores.sources import NetworkSource
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

MOST_MEAN_IOU, MOST_AUROC = 0.005, 0.005  # that may be lost


class BriefScores(NamedTuple):
    """As `hypseg evaluate` has them; NaN where there is nothing to score."""

    mean_iou: float
    auroc: float  # of the main measure
    ece: float  # likewise

    def losses(self, before: BriefScores) -> list[str]:
        """What is lost beyond the bounds against scores `before`, a phrase each."""
        bounds = {"mean IoU": (0, MOST_MEAN_IOU), "AUROC": (1, MOST_AUROC)}
        return [
            f"{name} falls from {before[index]:.4f} to {self[index]:.4f}, by more than {most:g}"
            for name, (index, most) in bounds.items()
            if before[index] - self[index] > most
        ]


def brief_scores(
    segmenter: Segmenter,
    pairs: Sequence[Pair],
    *,
    ignore_index: int,
    id_map: IdMap | None,
    max_pixels: int,
    workers: int,
    advance: Callable[[], None],
) -> BriefScores:
    """Of a segmenter with a main measure; `advance` is called after every image.

    Raises DataError or ImageError at the first file that cannot be used.
    """
    classes, measure = segmenter.tree.classes, segmenter.request.main or segmenter.request.measures[0]
    confusion, table = np.zeros((classes, classes + 1), np.int64), np.zeros((BINS, 2), np.int64)
    source = NetworkSource(segmenter, sampler=None, max_pixels=max_pixels)
    for image in predicted_images(
        pairs, source, classes=classes, ignore_index=ignore_index, workers=workers, id_map=id_map
    ):
        sample = image.sample
        labelled = sample.truth != classes
        confusion += confusion_matrix(sample.truth, sample.labels, classes)
        table += score_table(sample.levels[measure][labelled], (sample.labels != sample.truth)[labelled])
        advance()
    mean_iou = mean_scores(confusion).miou
    if mean_iou is None:
        mean_iou = math.nan
    return BriefScores(mean_iou, float(auroc(table)), expected_calibration_error(table))
