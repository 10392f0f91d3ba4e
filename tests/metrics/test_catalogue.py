"""One list of metrics: each is where the list says, and no record has one that the list forgets."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from support.samples import CLASSES, SCHEME, random_sample

from hypsegcli.metrics import records as r
from hypsegcli.metrics.catalogue import (
    BY_NAME,
    DEFINITIONS,
    METRICS,
    NUMBER,
    PERCENT,
    SMALL,
    Metric,
    Place,
    metric_of,
    metrics_in,
)
from hypsegcli.scores.bootstrap import Bootstrap
from hypsegcli.scores.tally import count_image

RECORDS: dict[Place, type[BaseModel]] = {
    "means": r.Means,
    "segmentation": r.Segmentation,
    "boundaries": r.Boundaries,
    "hierarchy": r.Hierarchy,
    "answers": r.AnswerRow,
    "probabilities": r.Proper,
    "measure": r.MeasureReport,
    "class": r.ClassRow,
}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_a_field_of_its_record(metric: Metric) -> None:
    assert (metric.field or metric.name) in RECORDS[metric.place].model_fields
    assert metric.title
    assert DEFINITIONS[metric.name] == metric.definition != ""


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(METRICS)
    assert len({metric.heading for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("record", [r.Means, r.Proper, r.MeasureReport, r.ClassRow, r.AnswerRow])
def test_no_number_is_without_a_metric(record: type[BaseModel]) -> None:
    """A number that may be undefined is a score; the ends of an interval belong to theirs, a threshold to its rule."""
    scores = [name for name, field in record.model_fields.items() if field.annotation == float | None]
    scores = [name for name in scores if not name.endswith(("_low", "_high", "threshold"))]
    assert scores
    assert set(scores) <= {metric.name for metric in metrics_in(record)}


def test_intervals_are_those_of_the_replicates() -> None:
    bootstrap = Bootstrap(SCHEME, replicates=2)
    bootstrap.add("image", count_image(random_sample(0), SCHEME))
    marked = [metric for metric in METRICS if metric.interval]
    expected = {metric.name for metric in marked if metric.place not in {"measure", "class"}}
    expected |= {f"{metric.name}:{name}" for metric in marked if metric.place == "measure" for name in SCHEME.measures}
    expected |= {f"{metric.name}:{index}" for metric in marked if metric.place == "class" for index in range(CLASSES)}
    assert bootstrap.scores().keys() == expected


def test_metrics_come_in_the_order_of_the_record() -> None:
    assert [metric.name for metric in metrics_in(r.ClassRow)] == ["iou", "recall", "precision", "f1", "boundary_iou"]
    assert [metric.name for metric in metrics_in(r.Means)][:2] == ["pixel_accuracy", "miou"]


def test_a_score_of_the_summary_has_its_metric() -> None:
    assert metric_of("miou") is BY_NAME["miou"]
    assert metric_of("auroc:mc-entropy") is BY_NAME["auroc"]
    assert metric_of("iou:a:b") is BY_NAME["iou"]
    assert metric_of("made up") is None


def test_bounds_of_what_has_no_largest_value_are_unknown() -> None:
    assert {metric.name for metric in METRICS if metric.largest is None} == {
        "mistake_distance",
        "answer_depth",
        "ause",
        "nll",
    }
    assert {metric.name: metric.largest for metric in METRICS if metric.largest not in (None, 1.0)} == {"brier": 2.0}


def test_units() -> None:
    assert [unit.text(0.12345) for unit in (PERCENT, NUMBER, SMALL)] == ["12.3", "0.123", "0.1235"]
