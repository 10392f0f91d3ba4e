"""The scores that a header can have: what they are called in a card, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import NamedTuple

from hypsegcli.metrics.catalogue import BY_NAME

_AUROC = "probability that a wrong pixel {}, ties half; 0.5 is chance"
_RELAXED = "mean IoU where an answer with the true class's {} in the class tree counts as right"
_QUANTILE = "distance to the origin that {} of all pixels stay below; no sign of quality"

# By the name in a header, title and meaning.
SCORES: Mapping[str, tuple[str, str]] = {
    "mean_iou": ("mean IoU", BY_NAME["miou"].definition),
    "pixel_accuracy": ("pixel accuracy", BY_NAME["pixel_accuracy"].definition),
    "sibling_mean_iou": ("mean IoU among siblings", _RELAXED.format("parent")),
    "cousin_mean_iou": ("mean IoU among cousins", _RELAXED.format("grandparent")),
    "auroc_distance": (
        "AUROC of the distance",
        _AUROC.format("lies nearer to the origin of the ball than a right one"),
    ),
    "auroc_entropy": (
        "AUROC of the entropy",
        _AUROC.format("has class probabilities of more entropy than a right one"),
    ),
    "distance_q05": ("distance, 5 % quantile", _QUANTILE.format("5 %")),
    "distance_q50": ("distance, median", _QUANTILE.format("half")),
    "distance_q95": ("distance, 95 % quantile", _QUANTILE.format("95 %")),
}


class Score(NamedTuple):
    """One of a header's scores."""

    name: str  # there
    title: str
    value: float
    meaning: str  # empty where another program named it

    @property
    def is_quality(self) -> bool:
        """Whether more of it, or less, is better."""
        return not self.name.startswith("distance_")


def scores_of(found: Mapping[str, float], *, flat: bool) -> Iterator[Score]:
    """The scores of a header in its order; without those of a class tree where it is flat, which say nothing new."""
    for name, value in found.items():
        if isfinite(value) and not (flat and name in {"sibling_mean_iou", "cousin_mean_iou"}):
            title, meaning = SCORES.get(name, (name, ""))
            yield Score(name, title, value, meaning)
