"""From counts to the report: every number is worked out once, after the last image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.metrics import records as r
from hypsegcli.metrics.answers import answers_report
from hypsegcli.metrics.catalogue import DEFINITIONS, METRICS
from hypsegcli.metrics.classes import class_rows, iou_from_counts, mean_scores
from hypsegcli.metrics.conventions import CONVENTIONS, ConventionName, Over
from hypsegcli.metrics.detection import measure_report
from hypsegcli.metrics.edges import f_from_counts, ridge_curve
from hypsegcli.metrics.hierarchy import level_scores, mistake_distance, relaxed_scores
from hypsegcli.metrics.proper import proper_scores
from hypsegcli.metrics.ratio import mean_of_defined, ratio
from hypsegcli.metrics.zones import zone_scores
from hypsegcli.report.summary import summarise
from hypsegcli.scores.bootstrap import Interval, Values, coarse_misses, interval
from hypsegcli.scores.evaluation import Evaluation
from hypsegcli.scores.tally import SHARE, AnswerScheme, Tally


class MeasureName(NamedTuple):
    """How a measure is called in the report."""

    title: str
    full_scale: float


class Built(NamedTuple):
    """The report, and the replicates of its summary, which `compare` pairs with another's."""

    report: r.Report
    replicates: dict[str, Values]


def build_report(
    evaluation: Evaluation,
    *,
    subject: r.Subject,
    tree: ClassTree,
    measures: Mapping[str, MeasureName],
    convention: ConventionName,
    over: Over,
    dropout: tuple[int, float] | None,
    warnings: Sequence[str] = (),
    match: r.Match | None = None,
) -> Built:
    """Work out the scores; `dropout` gives passes and rate where there were any, `warnings` what to doubt.

    `match` is that by which clusters were taken for classes.
    """
    tally, scheme = evaluation.tally, evaluation.scheme
    names = tree.names[: tree.classes]
    replicates = _replicates(evaluation, names, over)
    intervals = {name: interval(values) for name, values in replicates.items()}
    segmentation = _segmentation(tally, names, intervals, over)
    boundaries = _boundaries(tally, str(scheme.tolerance), scheme.main)
    hierarchy = r.Hierarchy(
        levels=level_scores(tally.confusion, tree),
        relaxed=[] if tree.is_flat else relaxed_scores(tally.confusion, tree),
        mistake_distance=mistake_distance(tally.confusion, tree),
        answers=_answers(evaluation, scheme.answers, measures) if scheme.answers is not None else None,
        families=[[names[index] for index in family] for family in tree.families()],
    )
    judged = [
        measure_report(
            tally.tables[index],
            dict(zip(names, tally.class_tables[index], strict=True)),
            name=name,
            title=measures[name].title,
            full_scale=measures[name].full_scale,
        )
        for index, name in enumerate(scheme.measures)
    ]
    proper = proper_scores(tally.proper, names)
    report = r.Report(
        hypseg_version=version("hypseg"),
        subject=subject,
        classes=list(names),
        images=int(tally.images[0]),
        labelled_pixels=int(tally.confusion.sum()),
        void_pixels=int(tally.void[0]),
        convention=convention,
        summary=summarise(
            segmentation, boundaries, hierarchy, judged, proper, intervals, convention=convention, over=over
        ),
        segmentation=segmentation,
        boundaries=boundaries,
        hierarchy=hierarchy,
        measures=judged,
        probabilities=proper,
        dropout=_dropout(evaluation, *dropout, convention=convention, over=over) if dropout else None,
        definitions=DEFINITIONS,
        warnings=list(warnings),
        match=match,
    )
    return Built(report, {name: values for name, values in replicates.items() if name in report.summary})


def _replicates(evaluation: Evaluation, names: Sequence[str], over: Over) -> dict[str, Values]:
    """Scores of the replicates that can be trusted, with classes by name instead of by id."""
    if int(evaluation.tally.images[0]) < 2:
        return {}  # one image says nothing about others
    scores = evaluation.bootstrap.scores(over)
    for index, measure in enumerate(evaluation.scheme.measures):
        if coarse_misses(evaluation.tally.tables[index]):
            for metric in METRICS:
                if metric.interval == "coarse":
                    scores.pop(f"{metric.name}:{measure}")
    return {
        f"iou:{names[int(name[4:])]}" if name.startswith("iou:") else name: values for name, values in scores.items()
    }


def _segmentation(tally: Tally, names: Sequence[str], intervals: Mapping[str, Interval], over: Over) -> r.Segmentation:
    of_classes = {name: intervals[f"iou:{name}"] for name in names if f"iou:{name}" in intervals}
    sums, images = tally.image_iou.astype(np.float64)
    return r.Segmentation(
        confusion=tally.confusion.tolist(),
        classes=class_rows(names, tally.confusion, tally.bands, of_classes),
        conventions={name: mean_scores(tally.confusion, name, over) for name in CONVENTIONS},
        image_miou=float(ratio(sums[-1], images[-1])) / SHARE,
        image_miou_pairs=float(ratio(sums[:-1].sum(), images[:-1].sum())) / SHARE,
    )


def _boundaries(tally: Tally, tolerance: str, measure: str | None) -> r.Boundaries:
    precision, recall, f = (float(value) for value in f_from_counts(*tally.edges))
    total, images = (int(value) for value in tally.correlation)
    return r.Boundaries(
        tolerance=tolerance,
        boundary_iou=float(mean_of_defined(iou_from_counts(*tally.bands))),
        precision=precision,
        recall=recall,
        f=f,
        measure=measure,
        confidence=ridge_curve(tally.ridges) if measure else None,
        correlation=total / images / SHARE if images else None,
        correlation_images=images,
        zones=zone_scores(tally.zones) if measure else [],
    )


def _answers(evaluation: Evaluation, scheme: AnswerScheme, measures: Mapping[str, MeasureName]) -> r.Answers:
    tally = evaluation.tally
    judged = [
        measure_report(
            tally.answer_tables[index],
            {},
            name=name,
            title=measures[name].title,
            full_scale=measures[name].full_scale,
        )
        for index, name in enumerate(scheme.measures)
    ]
    return answers_report(
        dict(zip(scheme.rules, tally.answers, strict=True)),
        tally.confusion if len(scheme.rules) > 1 else None,  # one alone is what label maps hold, which have no other
        scheme.tree,
        background=evaluation.scheme.background,
        measures=judged,
    )


def _dropout(evaluation: Evaluation, passes: int, rate: float, *, convention: ConventionName, over: Over) -> r.Dropout:
    means = mean_scores(evaluation.tally.dropout_confusion, convention, over)
    seconds = evaluation.seconds
    plain, dropped = seconds["network"] + seconds["reduce"], seconds["dropout"]
    return r.Dropout(
        passes=passes,
        rate=rate,
        miou=means.miou,
        pixel_accuracy=means.pixel_accuracy,
        price=dropped / plain if plain else None,
    )
