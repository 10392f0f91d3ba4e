"""Tally: everything that is counted of an image, and of all of them, in whole numbers.

Tallies of images are added. Whole numbers add up to the same sum in any order, so that any split of the data into
shards gives bit-identical scores; what is a real number by nature (an image's IoU, a pixel's log-probability) is
rounded to a fixed fraction of 2 before it is summed. The size of a tally does not depend on the number of images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.boundary import boundary_map
from hypsegcli.confidence.planes import Plane
from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.inference.prediction import Labels
from hypsegcli.metrics.answers import answer_matrix, right_answers
from hypsegcli.metrics.classes import confusion_matrix, iou_from_counts
from hypsegcli.metrics.edges import count_boundaries, count_ridges, tolerance_pixels
from hypsegcli.metrics.proper import count_proper
from hypsegcli.metrics.ranking import BINS, score_table
from hypsegcli.metrics.zones import ZONES, count_zones, distance_to_other_class, pearson

Counts = NDArray[np.int64]

CLASS_BINS = 4096  # of the tables kept for each class, whose full resolution would take a megabyte a class
SHARE = 2**32  # the unit of summed IoUs and correlations: 10^9 of them fit into 63 bits


class Tolerance(NamedTuple):
    """How far apart two edges may lie and still be the same: pixels, or a share of the image's diagonal."""

    amount: float
    is_share: bool

    def pixels(self, height: int, width: int) -> int:
        """In an image of some size."""
        return tolerance_pixels(self.amount, share=self.is_share, height=height, width=width)

    def __str__(self) -> str:
        return f"{100 * self.amount:g} % of the diagonal" if self.is_share else f"{self.amount:g} pixels"


class AnswerScheme(NamedTuple):
    """What is counted of answers that may be inner nodes of the class tree."""

    tree: ClassTree  # of M nodes
    rules: tuple[Rule, ...]  # A of them; the first is the one whose confidence is looked at
    measures: tuple[str, ...]  # of that confidence


class Scheme(NamedTuple):
    """What is counted; tallies add up only under the same scheme."""

    classes: int  # C
    measures: tuple[str, ...]  # of confidence
    tolerance: Tolerance
    background: int | None = None  # the class that the paper's analysis sets apart
    main: str | None = None  # the measure whose boundaries, zones and most uncertain images are looked at
    answers: AnswerScheme | None = None

    @property
    def main_index(self) -> int | None:
        """Place of the main measure among the measures."""
        return None if self.main is None else self.measures.index(self.main)


@dataclass(frozen=True, eq=False)
class Sample:
    """One image as it is scored; C stands for no class: void in the truth, undecided in the labels."""

    key: str
    truth: Labels  # (H, W)
    labels: Labels  # (H, W)
    levels: Mapping[str, NDArray[np.uint16]]  # measure to (H, W) confidence, 65535 at full scale
    proper: NDArray[np.float32] | None = None  # (2, H, W) true class's probability, sum of squares of all
    dropout_labels: Labels | None = None  # (H, W) what Monte Carlo dropout answers
    answers: Labels | None = None  # (A, H, W) node ids by each rule of the scheme, M for undecided
    answer_levels: Mapping[str, NDArray[np.uint16]] = field(default_factory=dict)  # confidence of the first ones


@dataclass(eq=False)
class Tally:
    """All int64; M measures, C classes; A rules, N nodes and P measures of answers."""

    images: Counts  # (1,)
    void: Counts  # (1,) pixels without a true class
    confusion: Counts  # (C, C + 1) truth by answer, the last column no class
    dropout_confusion: Counts  # (C, C + 1) the same for Monte Carlo dropout
    image_iou: Counts  # (2, C + 1) sum of IoUs in 1 / SHARE and number of images with the class; last, their mean
    tables: Counts  # (M, BINS, 2) right and wrong pixels at each level of confidence
    class_tables: Counts  # (M, C, CLASS_BINS, 2) the same for the pixels of each true class
    proper: Counts  # (C, 3) pixels with probabilities by true class, their NLL and Brier score in 1 / NATS
    bands: Counts  # (3, C) Boundary IoU: hits, truth, predicted
    edges: Counts  # (4,) Boundary F: predicted, of these matched, true, of these matched
    ridges: Counts  # (3, 256) boundary map against true edges
    zones: Counts  # (3, 3) boundary, interior, background by pixels, wrong pixels, levels
    correlation: Counts  # (2,) of confidence with the distance to another class, in 1 / SHARE, and images
    answers: Counts  # (A, C, N + 1) truth by answer, the last column undecided
    answer_tables: Counts  # (P, BINS, 2) right and wrong answers, undecided ones left out, at each level of confidence

    @classmethod
    def zeros(cls, scheme: Scheme) -> Tally:
        """Nothing counted yet."""
        return cls(**{name: np.zeros(shape, np.int64) for name, shape in cls.shapes(scheme).items()})

    @staticmethod
    def shapes(scheme: Scheme) -> dict[str, tuple[int, ...]]:
        """Of the counts, by name."""
        C, M = scheme.classes, len(scheme.measures)
        A, N, P = 0, C, 0
        if scheme.answers is not None:
            A, N, P = len(scheme.answers.rules), scheme.answers.tree.nodes, len(scheme.answers.measures)
        return {
            "images": (1,),
            "void": (1,),
            "confusion": (C, C + 1),
            "dropout_confusion": (C, C + 1),
            "image_iou": (2, C + 1),
            "tables": (M, BINS, 2),
            "class_tables": (M, C, CLASS_BINS, 2),
            "proper": (C, 3),
            "bands": (3, C),
            "edges": (4,),
            "ridges": (3, 256),
            "zones": (len(ZONES), 3),
            "correlation": (2,),
            "answers": (A, C, N + 1),
            "answer_tables": (P, BINS, 2),
        }

    def add(self, other: Tally) -> None:
        """Add another tally of the same scheme to this one."""
        for each in fields(self):
            mine: Counts = getattr(self, each.name)
            mine += getattr(other, each.name)


def count_image(sample: Sample, scheme: Scheme) -> Tally:
    """Everything that is counted of one image."""
    C = scheme.classes
    tally = Tally.zeros(scheme)
    labelled = sample.truth != C
    truth, wrong = sample.truth[labelled], (sample.labels != sample.truth)[labelled]
    tally.images[0] = 1
    tally.void[0] = labelled.size - truth.size
    tally.confusion[:] = confusion_matrix(sample.truth, sample.labels, C)
    tally.image_iou[:] = _image_iou(tally.confusion)
    if sample.dropout_labels is not None:
        tally.dropout_confusion[:] = confusion_matrix(sample.truth, sample.dropout_labels, C)
    for index, name in enumerate(scheme.measures):
        levels = sample.levels[name][labelled]
        tally.tables[index] = score_table(levels, wrong)
        tally.class_tables[index] = _class_tables(levels, wrong, truth, C)
    if sample.proper is not None:
        tally.proper[:] = count_proper(sample.proper[:, labelled], truth, C)
    tolerance = scheme.tolerance.pixels(*labelled.shape)
    counted = count_boundaries(sample.truth, sample.labels, classes=C, tolerance=tolerance)
    tally.bands[:] = counted.bands
    tally.edges[:] = counted.edges
    if scheme.main is not None:
        _count_confidence(tally, sample, scheme, scheme.main, tolerance)
    if scheme.answers is not None and sample.answers is not None:
        _count_answers(tally, sample, sample.answers, scheme.answers)
    return tally


def _count_confidence(tally: Tally, sample: Sample, scheme: Scheme, measure: str, tolerance: int) -> None:
    """A measure's boundary map against the true edges, and the paper's own analysis of its plane."""
    levels = sample.levels[measure]
    strength = boundary_map(Plane(levels.astype(np.float32), measure, full_scale=BINS - 1.0))
    tally.ridges[:] = count_ridges(strength, sample.truth, classes=scheme.classes, tolerance=tolerance)
    distance = distance_to_other_class(sample.truth, scheme.classes)
    labelled = sample.truth != scheme.classes
    wrong = sample.labels != sample.truth
    tally.zones[:] = count_zones(levels, wrong, distance, sample.truth, background=scheme.background)
    correlation = pearson(levels[labelled], distance[labelled])
    if np.isfinite(correlation):
        tally.correlation[:] = round(correlation * SHARE), 1


def _count_answers(tally: Tally, sample: Sample, answers: Labels, scheme: AnswerScheme) -> None:
    for index, nodes in enumerate(answers):
        tally.answers[index] = answer_matrix(sample.truth, nodes, scheme.tree)
    judged = (sample.truth != scheme.tree.classes) & (answers[0] != scheme.tree.nodes)
    wrong = ~right_answers(scheme.tree)[sample.truth[judged], answers[0][judged]]
    for index, name in enumerate(scheme.measures):
        tally.answer_tables[index] = score_table(sample.answer_levels[name][judged], wrong)


def _image_iou(confusion: Counts) -> Counts:
    C = len(confusion)
    hit, truth, predicted = np.diag(confusion), confusion.sum(1), confusion[:, :C].sum(0)
    iou = iou_from_counts(hit, truth, predicted)
    seen = np.isfinite(iou)
    counts = np.zeros((2, C + 1), np.int64)
    counts[0, :C][seen] = np.rint(iou[seen] * SHARE)
    counts[1, :C] = seen
    if seen.any():
        counts[:, C] = round(float(iou[seen].mean()) * SHARE), 1
    return counts


def _class_tables(levels: NDArray[np.uint16], wrong: NDArray[np.bool_], truth: Labels, C: int) -> Counts:
    row = truth.astype(np.int64) * CLASS_BINS + levels // (BINS // CLASS_BINS)
    counts = np.bincount(2 * row + wrong, minlength=C * CLASS_BINS * 2)
    return counts.reshape(C, CLASS_BINS, 2)
