"""From counts to the report: every number is worked out here, once, after the last image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.report.summary import summarise
from hypsegcli.scores import records as r
from hypsegcli.scores.bootstrap import Interval, Values, coarse_misses, interval
from hypsegcli.scores.catalogue import DEFINITIONS
from hypsegcli.scores.evaluation import Evaluation
from hypsegcli.scores.metrics.classes import CONVENTIONS, Over, class_scores, iou_from_counts, mean_scores
from hypsegcli.scores.metrics.detection import detection_scores
from hypsegcli.scores.metrics.edges import f_from_counts, ridge_curve
from hypsegcli.scores.metrics.levels import level_scores, mistake_distance, relaxed_scores
from hypsegcli.scores.metrics.ranking import risk_coverage
from hypsegcli.scores.metrics.ratio import mean_of_defined, ratio
from hypsegcli.scores.metrics.reliability import reliability
from hypsegcli.scores.metrics.zones import ZONES
from hypsegcli.scores.tally import NATS, SHARE, Tally


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
    convention: str,
    over: Over,
    dropout: tuple[int, float] | None,
) -> Built:
    """Work out the scores; `dropout` gives passes and rate where there were any."""
    tally, scheme = evaluation.tally, evaluation.scheme
    names = tree.names[: tree.classes]
    replicates = _replicates(evaluation, names, over)
    intervals = {name: interval(values) for name, values in replicates.items()}
    segmentation = _segmentation(tally, names, intervals, over)
    boundaries = _boundaries(tally, str(scheme.tolerance), scheme.measures[0] if scheme.measures else None)
    found = [_measure(tally, index, name, measures[name], names) for index, name in enumerate(scheme.measures)]
    proper = _proper(tally, names)
    hierarchy = _hierarchy(tally, tree)
    summary = summarise(segmentation, boundaries, hierarchy, found, proper, intervals, convention=convention, over=over)
    report = r.Report(
        hypseg_version=version("hypseg"),
        subject=subject,
        classes=list(names),
        images=int(tally.images[0]),
        labelled_pixels=int(tally.confusion.sum()),
        void_pixels=int(tally.void[0]),
        convention=convention,
        summary=summary,
        segmentation=segmentation,
        boundaries=boundaries,
        hierarchy=hierarchy,
        measures=found,
        probabilities=proper,
        dropout=_dropout(evaluation, *dropout, convention=convention, over=over) if dropout else None,
        definitions=DEFINITIONS,
    )
    return Built(report, {name: values for name, values in replicates.items() if name in report.summary})


def _replicates(evaluation: Evaluation, names: Sequence[str], over: Over) -> dict[str, Values]:
    """Scores of the replicates that can be trusted, with classes by name instead of by id."""
    if int(evaluation.tally.images[0]) < 2:
        return {}  # one image says nothing about others
    scores = evaluation.bootstrap.scores(over)
    for index, measure in enumerate(evaluation.scheme.measures):
        if coarse_misses(evaluation.tally.tables[index]):
            scores.pop(f"auroc:{measure}")
            scores.pop(f"aurc:{measure}")
    return {
        f"iou:{names[int(name[4:])]}" if name.startswith("iou:") else name: values for name, values in scores.items()
    }


def _segmentation(tally: Tally, names: Sequence[str], intervals: Mapping[str, Interval], over: Over) -> r.Segmentation:
    scores = class_scores(tally.confusion)
    band_iou = iou_from_counts(*tally.bands)
    nothing = Interval(float("nan"), float("nan"))
    rows = []
    for index, name in enumerate(names):
        low, high = intervals.get(f"iou:{name}", nothing)
        rows.append(
            r.ClassRow(
                name=name,
                truth_pixels=int(scores.truth_pixels[index]),
                predicted_pixels=int(scores.predicted_pixels[index]),
                iou=float(scores.iou[index]),
                iou_low=low,
                iou_high=high,
                recall=float(scores.recall[index]),
                precision=float(scores.precision[index]),
                f1=float(scores.f1[index]),
                boundary_iou=float(band_iou[index]),
            )
        )
    conventions = {}
    for name, convention in CONVENTIONS.items():
        means = mean_scores(tally.confusion, name, over)
        sentences = convention.sentences(over)
        told = " ".join(sentences[key] for key in ("class_accuracy", "mean_precision", "mean_f1", "source"))
        conventions[name] = r.Means(**asdict(means), definition=told)
    sums, images = tally.image_iou.astype(np.float64)
    return r.Segmentation(
        confusion=tally.confusion.tolist(),
        classes=rows,
        conventions=conventions,
        image_miou=float(ratio(sums[-1], images[-1])) / SHARE,
        image_miou_pairs=float(ratio(sums[:-1].sum(), images[:-1].sum())) / SHARE,
    )


def _boundaries(tally: Tally, tolerance: str, measure: str | None) -> r.Boundaries:
    precision, recall, f = (float(value) for value in f_from_counts(*tally.edges))
    curve = ridge_curve(tally.ridges)
    sums = tally.zones.astype(np.float64)
    zones = [
        r.Zone(
            name=name,
            pixels=int(pixels),
            error_rate=float(ratio(wrong, pixels)),
            confidence=float(ratio(levels, pixels)) / 65535.0,
        )
        for name, (pixels, wrong, levels) in zip(ZONES, sums, strict=True)
    ]
    total, images = (int(value) for value in tally.correlation)
    return r.Boundaries(
        tolerance=tolerance,
        boundary_iou=float(mean_of_defined(iou_from_counts(*tally.bands))),
        precision=precision,
        recall=recall,
        f=f,
        measure=measure,
        confidence=r.ConfidenceBoundary(
            thresholds=curve.thresholds.tolist(),
            precision=curve.precision.tolist(),
            recall=curve.recall.tolist(),
            f=curve.f.tolist(),
            best_f=curve.best_f,
            best_threshold=curve.best_threshold,
        )
        if measure
        else None,
        correlation=total / images / SHARE if images else None,
        correlation_images=images,
        zones=[zone for zone in zones if zone.pixels] if measure else [],
    )


def _hierarchy(tally: Tally, tree: ClassTree) -> r.Hierarchy:
    levels = [
        r.Level(
            level=found.level,
            nodes=list(found.nodes),
            iou=found.iou.tolist(),
            miou=found.miou,
            pixel_accuracy=found.pixel_accuracy,
            class_accuracy=found.class_accuracy,
        )
        for found in level_scores(tally.confusion, tree)
    ]
    relaxed = [
        r.Relaxed(
            family=found.family,
            definition=found.definition,
            miou=found.miou,
            pixel_accuracy=found.pixel_accuracy,
            class_accuracy=found.class_accuracy,
        )
        for found in relaxed_scores(tally.confusion, tree)
    ]
    return r.Hierarchy(levels=levels, relaxed=relaxed, mistake_distance=mistake_distance(tally.confusion, tree))


def _measure(tally: Tally, index: int, name: str, about: MeasureName, names: Sequence[str]) -> r.MeasureReport:
    table = tally.tables[index]
    scores = detection_scores(table)
    coverage, risk = risk_coverage(table)
    return r.MeasureReport(
        name=name,
        title=about.title,
        full_scale=about.full_scale,
        pixels=scores.pixels,
        errors=scores.errors,
        auroc=scores.auroc,
        aupr=scores.aupr,
        fpr95=scores.fpr95,
        aurc=scores.aurc,
        eaurc=scores.eaurc,
        augrc=scores.augrc,
        ause=scores.ause,
        ause_mass=scores.ause_mass,
        ece=scores.ece,
        pavpu=r.ThresholdScore(
            value=scores.pavpu.best,
            threshold=scores.pavpu.threshold,
            p_accurate_given_certain=scores.pavpu.p_accurate_given_certain,
            p_uncertain_given_inaccurate=scores.pavpu.p_uncertain_given_inaccurate,
            mean=scores.pavpu.mean,
        ),
        reliability=[
            r.ReliabilityRow(
                lower=row.lower, upper=row.upper, pixels=row.pixels, confidence=row.confidence, accuracy=row.accuracy
            )
            for row in reliability(table)
        ],
        risk_coverage=r.Curve(x=coverage.tolist(), y=risk.tolist()),
        classes=[
            _class_measure(class_table, class_name)
            for class_name, class_table in zip(names, tally.class_tables[index], strict=True)
        ],
    )


def _class_measure(table: NDArray[np.int64], name: str) -> r.ClassMeasureRow:
    scores = detection_scores(table)
    return r.ClassMeasureRow(
        name=name,
        pixels=scores.pixels,
        error_rate=scores.errors / scores.pixels if scores.pixels else None,
        auroc=scores.auroc,
        aurc=scores.aurc,
        ece=scores.ece,
    )


def _proper(tally: Tally, names: Sequence[str]) -> r.Proper | None:
    if not tally.proper[:, 0].any():
        return None
    pixels, nll, brier = tally.proper.astype(np.float64).T
    of_classes = zip(names, ratio(nll, pixels) / NATS, ratio(brier, pixels) / NATS, strict=True)
    return r.Proper(
        nll=float(ratio(nll.sum(), pixels.sum())) / NATS,
        brier=float(ratio(brier.sum(), pixels.sum())) / NATS,
        classes=[r.ProperRow(name=name, nll=float(a), brier=float(b)) for name, a, b in of_classes],
    )


def _dropout(evaluation: Evaluation, passes: int, rate: float, *, convention: str, over: Over) -> r.Dropout:
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
