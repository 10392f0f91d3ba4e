"""The summary of a report: one list of scores by name, for `--fail-under`, `compare` and the first table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypsegcli.scores import records as r
from hypsegcli.scores.bootstrap import Interval
from hypsegcli.scores.catalogue import DEFINITIONS, LOWER_IS_BETTER
from hypsegcli.scores.metrics.classes import Over

_MEANS = ("miou", "pixel_accuracy", "class_accuracy", "mean_precision", "mean_f1", "fwiou")
_OVER_CLASSES = ("miou", "class_accuracy", "mean_precision", "mean_f1")
_OF_LABELS = (*_MEANS, "image_miou", "boundary_iou", "boundary_f", "mistake_distance")
_OF_PROBABILITIES = ("nll", "brier")
_OF_MEASURES = ("auroc", "aupr", "fpr95", "aurc", "augrc", "ause", "ece")


def summary_names(measures: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The names that the summary of a report may have; some of them only where probabilities were given."""
    of_measures = [f"{score}:{measure}" for measure in measures for score in _OF_MEASURES]
    return [*_OF_LABELS, *_OF_PROBABILITIES, *of_measures, *(f"iou:{name}" for name in classes)]


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
    values: dict[str, r.Number] = {name: getattr(means, name) for name in _MEANS}
    values |= {
        "image_miou": segmentation.image_miou,
        "boundary_iou": boundaries.boundary_iou,
        "boundary_f": boundaries.f,
        "mistake_distance": hierarchy.mistake_distance,
    }
    if probabilities is not None:
        values |= {name: getattr(probabilities, name) for name in _OF_PROBABILITIES}
    for measure in measures:
        values |= {f"{score}:{measure.name}": getattr(measure, score) for score in _OF_MEASURES}
    values |= {f"iou:{row.name}": row.iou for row in segmentation.classes}
    return {name: _score(name, value, intervals.get(name), over) for name, value in values.items()}


def _score(name: str, value: r.Number, found: Interval | None, over: Over) -> r.Score:
    kind = name.partition(":")[0]
    note = "; here over all classes, with 0 for those that occur nowhere"
    return r.Score(
        value=value,
        low=found.low if found else None,
        high=found.high if found else None,
        better="lower" if kind in LOWER_IS_BETTER else "higher",
        definition=DEFINITIONS[kind] + (note if over == "all" and name in _OVER_CLASSES else ""),
    )
