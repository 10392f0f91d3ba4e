"""Report: the results of `hypseg evaluate`, as they stand in report.json; metrics return these records.

The JSON Schema of this file's classes is published as report.schema.json beside it, see `report_file`.
A field that comes later has a default, so that earlier reports can still be read. A number that is not defined, such
as the IoU of a class that occurs nowhere, is null. Shares are from 0 to 1, never percent.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hypsegcli.metrics.record import Number, Record

SCHEMA_VERSION: Literal[1] = 1


class Score(Record):
    """One number of the summary, by which bounds and `compare` know it."""

    value: Number
    low: Number = None  # 95 % interval over images, where there is one
    high: Number = None
    better: Literal["higher", "lower"]
    definition: str


class ClassRow(Record):
    """One class, counted over all images together."""

    name: str
    truth_pixels: int
    predicted_pixels: int
    iou: Number
    iou_low: Number = None
    iou_high: Number = None
    recall: Number
    precision: Number
    f1: Number
    boundary_iou: Number


class Means(Record):
    """Means over classes as one tool takes them."""

    pixel_accuracy: Number
    miou: Number
    class_accuracy: Number
    mean_precision: Number
    mean_f1: Number
    fwiou: Number
    definition: str


class Segmentation(Record):
    """Label maps against masks."""

    confusion: list[list[int]]  # C rows of truth; C + 1 columns of answers, the last for pixels without one
    classes: list[ClassRow]
    conventions: dict[str, Means]
    image_miou: Number  # mean over images of the image's own mIoU
    image_miou_pairs: Number  # mean over all pairs of an image and a class that occurs in it


class Curve(Record):
    """Points of a curve."""

    x: list[float]
    y: list[Number]


class Zone(Record):
    """Pixels near another class, far from any, and of the background class."""

    name: str
    pixels: int
    error_rate: Number
    confidence: Number  # mean, as a share of full scale


class ConfidenceBoundary(Record):
    """The boundary map of the confidence plane against the edges of the masks."""

    thresholds: list[int]  # of the boundary map's 0..255
    precision: list[Number]
    recall: list[Number]
    f: list[Number]
    best_f: Number
    best_threshold: int | None


class Boundaries(Record):
    """How well edges are met."""

    tolerance: str
    boundary_iou: Number
    precision: Number
    recall: Number
    f: Number
    measure: str | None  # whose plane the following fields judge
    confidence: ConfidenceBoundary | None
    correlation: Number  # mean over images
    correlation_images: int
    zones: list[Zone]


class Level(Record):
    """Scores at one depth of the class tree."""

    level: int
    nodes: list[str]
    iou: list[Number]
    miou: Number
    pixel_accuracy: Number
    class_accuracy: Number


class Relaxed(Record):
    """Scores that forgive mistakes within a family of classes."""

    family: str  # sibling, cousin
    definition: str
    miou: Number
    pixel_accuracy: Number
    class_accuracy: Number


class ReliabilityRow(Record):
    """One bin of confidence."""

    lower: float
    upper: float
    pixels: int
    confidence: Number
    accuracy: Number


class ThresholdScore(Record):
    """PAvPU at its best threshold."""

    value: Number
    threshold: Number  # share of full scale; confidence below it counts as uncertain
    p_accurate_given_certain: Number
    p_uncertain_given_inaccurate: Number
    mean: Number  # over all thresholds


class ClassMeasureRow(Record):
    """A measure on the pixels of one true class."""

    name: str
    pixels: int
    error_rate: Number
    auroc: Number
    aurc: Number
    ece: Number


class MeasureReport(Record):
    """What one measure of confidence is worth as a detector of wrong pixels."""

    name: str
    title: str
    full_scale: float
    pixels: int
    errors: int
    auroc: Number
    aupr: Number
    fpr95: Number
    aurc: Number
    eaurc: Number
    augrc: Number
    ause: Number
    ause_mass: Number
    ece: Number
    pavpu: ThresholdScore
    reliability: list[ReliabilityRow]
    risk_coverage: Curve
    classes: list[ClassMeasureRow]


class AnswerRow(Record):
    """Scores of answers by one rule: classes, nodes of one depth, or as deep as a threshold allows."""

    name: str  # class, level 2, auto, 0.7
    threshold: float | None = None
    answered: Number  # share of the labelled pixels
    answer_accuracy: Number
    class_share: Number
    answer_depth: Number  # mean, in levels of the tree
    hierarchical_precision: Number
    hierarchical_recall: Number
    hierarchical_f1: Number
    information: Number


class AnsweredNode(Record):
    """A node, and how often it is right where it is the answer."""

    name: str
    depth: int
    is_class: bool
    pixels: int
    right: Number  # share of them


class Answers(Record):
    """Answers that may be inner nodes of the class tree, right where they are the true class or above it."""

    rule: str  # the one asked for
    chosen: AnswerRow  # its row
    rows: list[AnswerRow]  # of all rules, from deep answers to coarse ones
    foreground: list[AnswerRow]  # the same over the pixels of other true classes than the background, if one is named
    background: str | None
    nodes: list[AnsweredNode]  # of the rule asked for
    measures: list[MeasureReport]  # the confidence of its answers as a detector of wrong ones


class Hierarchy(Record):
    """Mistakes as the class tree sees them."""

    levels: list[Level]
    relaxed: list[Relaxed]  # none of a flat tree, in which all classes are siblings
    mistake_distance: Number  # mean number of edges between the true and the answered class of wrong pixels
    answers: Answers | None = None  # where they were asked for, or are what the label maps hold
    families: list[list[str]] | None = None  # the classes below each inner node of the tree; null: not told


class ProperRow(Record):
    """Proper scores of the pixels of one true class."""

    name: str
    nll: Number
    brier: Number


class Proper(Record):
    """Proper scores of the class probabilities."""

    nll: Number
    brier: Number
    classes: list[ProperRow]


class Dropout(Record):
    """The network under Monte Carlo dropout, and what that costs."""

    passes: int
    rate: float
    miou: Number
    pixel_accuracy: Number
    price: Number  # its time over that of the plain answer, in this run


class MatchedCluster(Record):
    """A cluster and the class that it stands for."""

    cluster: str
    matched: str | None  # the class; null: none
    pixels: int  # labelled ones of the cluster, of the images that the match was made on
    share: Number  # of them that are truly of the class


class Match(Record):
    """Which class each cluster stands for, and by what that was decided."""

    method: Literal["hungarian", "majority"]
    images: int  # with masks, that it was made on
    clusters: list[MatchedCluster]
    checkpoint: str | None = None  # SHA-256 of the one whose clusters they are, where it is known
    made_by: str | None = None  # the report of other images that it comes from; null: these images decided


class CheckpointId(Record):
    """Which checkpoint answered."""

    path: str
    sha256: str


class Subject(Record):
    """What was scored against what."""

    images: str | None
    masks: str
    predictions: str | None
    checkpoint: CheckpointId | None
    keys_sha256: str  # sum of the SHA-256 of all images' keys, modulo 2^256: the same in any order
    masks_sha256: str  # the same of keys and masks' ids
    ignore_index: int
    unseen: list[str] | None  # the classes that truth and answers were restricted to
    options: dict[str, str | int | float | bool | None]
    images_sha256: str | None = None  # the sum over keys and files of images; of stored maps there is none


class Report(Record):
    """Everything."""

    schema_version: Literal[1] = SCHEMA_VERSION
    hypseg_version: str
    subject: Subject
    classes: list[str]
    images: int
    labelled_pixels: int
    void_pixels: int
    convention: str
    summary: dict[str, Score]
    segmentation: Segmentation
    boundaries: Boundaries
    hierarchy: Hierarchy
    measures: list[MeasureReport]
    probabilities: Proper | None
    dropout: Dropout | None
    definitions: dict[str, str]
    warnings: list[str] = Field(default_factory=list)  # why the numbers may not be of what was meant
    match: Match | None = None  # where what answered knows clusters and no classes
    replicates_sha256: str | None = None  # of the replicates.npz that belongs to it
