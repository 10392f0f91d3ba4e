"""What labels and one measure of a network are worth, counted in one pass; and by what a faster way to run it is kept.

A calibration is fitted to the same counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import DataError
from hypsegcli.files.words import count_of
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.metrics.classes import confusion_matrix, mean_scores
from hypsegcli.metrics.ranking import BINS, auroc, score_table
from hypsegcli.metrics.reliability import expected_calibration_error
from hypsegcli.scores.reading import predicted_images
from hypsegcli.scores.sources import NetworkSource
from hypsegcli.truth.contradicted import contradictions, oddities
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

MOST_MEAN_IOU, MOST_AUROC = 0.005, 0.005  # that may be lost


class BriefScores(NamedTuple):
    """As `hypseg evaluate` has them."""

    mean_iou: float
    auroc: float  # of the main measure
    ece: float  # likewise

    def losses(self, before: BriefScores) -> list[str]:
        """What is lost beyond the bounds against scores `before`, a phrase each; no number is within no bound."""
        bounds = {"mean IoU": (0, MOST_MEAN_IOU), "AUROC": (1, MOST_AUROC)}
        return [
            f"{name} falls from {before[index]:.4f} to {self[index]:.4f}, by more than {most:g}"
            for name, (index, most) in bounds.items()
            if not before[index] - self[index] <= most
        ]


@dataclass(frozen=True, eq=False)
class BriefCounts:
    """Of the predictions for some images."""

    measure: str
    confusion: NDArray[np.int64]  # (K, K + 1) pixels, truth by prediction
    table: NDArray[np.int64]  # (65536, 2) right and wrong pixels by level of the measure
    marks: tuple[str, ...] = ()  # of the images' files
    notes: tuple[str, ...] = ()  # on what became of images on the way, a line a kind
    mistakes: tuple[str, ...] = ()  # likely ones, in masks that predictions contradict
    doubts: tuple[str, ...] = ()  # where there are none, on what is odd about the masks

    def scores(self) -> BriefScores:
        """Of all of them; DataError where they are no number."""
        mean_iou, ranking = mean_scores(self.confusion).miou, float(auroc(self.table))
        if mean_iou is None or math.isnan(ranking):
            raise DataError(
                f"the labelled pixels of {count_of(len(self.marks), 'image')} are all right, or all wrong: how the "
                "confidence ranks errors has no score there; take more images"
            )
        return BriefScores(mean_iou, ranking, expected_calibration_error(self.table))


def count_predictions(
    segmenter: Segmenter,
    pairs: Sequence[Pair],
    *,
    ignore_index: int,
    id_map: IdMap | None,
    max_pixels: int,
    workers: int,
    seen: Callable[[NDArray[np.uint16]], None],
) -> BriefCounts:
    """Of a segmenter with a main measure; `seen` is called after every image, with the measure's levels (N,) in it.

    These are of the pixels that the photograph has data of, labelled or not.

    Raises DataError or ImageError at the first file that cannot be used.
    """
    classes, measure = segmenter.tree.classes, segmenter.request.main or segmenter.request.measures[0]
    confusion, table = np.zeros((classes, classes + 1), np.int64), np.zeros((BINS, 2), np.int64)
    marks: list[str] = []
    source = NetworkSource(segmenter, sampler=None, max_pixels=max_pixels)
    for image in predicted_images(
        pairs, source, classes=classes, ignore_index=ignore_index, workers=workers, id_map=id_map
    ):
        sample = image.sample
        labelled = sample.truth != classes
        confusion += confusion_matrix(sample.truth, sample.labels, classes)
        table += score_table(sample.levels[measure][labelled], (sample.labels != sample.truth)[labelled])
        marks += [image.mark] if image.mark is not None else []
        seen(sample.levels[measure][sample.labels != classes])
    mistakes = contradictions(confusion, source.witness(), id_map)
    doubts = [] if mistakes else oddities(confusion, source.witness(), id_map)
    return BriefCounts(measure, confusion, table, tuple(marks), tuple(source.notes()), tuple(mistakes), tuple(doubts))
