"""The summary of a report: one list of scores by name, for bounds, `compare` and the first table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypsegcli.metrics import records as r
from hypsegcli.metrics.catalogue import METRICS, Metric, Place
from hypsegcli.metrics.conventions import Over
from hypsegcli.scores.bootstrap import Interval

_OF_ALL: tuple[Place, ...] = ("means", "segmentation", "boundaries", "hierarchy", "answers", "probabilities")


def summary_names(measures: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The names that the summary of a report may have; some only where there are answers by level, or probabilities."""
    return [
        *(metric.name for place in _OF_ALL for metric in _metrics_at(place)),
        *(f"{metric.name}:{measure}" for measure in measures for metric in _metrics_at("measure")),
        *(f"{metric.name}:{name}" for name in classes for metric in _metrics_at("class")),
    ]


def summarise(
    segmentation: r.Segmentation,
    boundaries: r.Boundaries,
    hierarchy: r.Hierarchy,
    measures: Sequence[r.MeasureReport],
    probabilities: r.Proper | None,
    intervals: Mapping[str, Interval],
    *,
    convention: str,
    over: Over,
) -> dict[str, r.Score]:
    """Score by name, in the order of `summary_names`, from the parts of a report."""
    means = segmentation.conventions[convention]
    answers = hierarchy.answers.chosen if hierarchy.answers is not None else None
    parts = zip(_OF_ALL, (means, segmentation, boundaries, hierarchy, answers, probabilities), strict=True)
    records: list[tuple[Place, str, object]] = [(place, "", part) for place, part in parts if part is not None]
    records += [("measure", f":{measure.name}", measure) for measure in measures]
    records += [("class", f":{row.name}", row) for row in segmentation.classes]
    return {
        (name := metric.name + ending): _score(metric, record, intervals.get(name), over)
        for place, ending, record in records
        for metric in _metrics_at(place)
    }


def _metrics_at(place: Place) -> list[Metric]:
    return [metric for metric in METRICS if metric.in_summary and metric.place == place]


def _score(metric: Metric, record: object, interval: Interval | None, over: Over) -> r.Score:
    note = "; here over all classes, with 0 for those that occur nowhere"
    return r.Score(
        value=getattr(record, metric.field or metric.name),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        better=metric.better,
        definition=metric.definition + (note if over == "all" and metric.over_classes else ""),
    )
