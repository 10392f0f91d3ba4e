"""Scores on the validation images, from the same Segmenter that `hypseg predict` runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Header
from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.measures import full_scale
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.network.model import HyperbolicDeepLab
from hypsegcli.pictures.palette import RGB
from hypsegcli.scores import gallery as strips
from hypsegcli.scores import tally
from hypsegcli.scores.metrics.classes import confusion_matrix, mean_scores
from hypsegcli.scores.metrics.levels import relaxed_scores
from hypsegcli.scores.metrics.ranking import BINS, auroc, score_table
from hypsegcli.training.dataset import Sample
from hypsegcli.truth.masks import read_mask

_MEASURES = ("distance", "entropy")


class Scores(NamedTuple):
    """Over all labelled pixels of all images."""

    mean_iou: float  # over classes that occur in masks or predictions
    pixel_accuracy: float
    sibling_mean_iou: float  # an answer among the true class's siblings in the tree counts as the true class
    cousin_mean_iou: float  # the same among cousins
    auroc_distance: float  # that a wrong pixel lies nearer to the origin than a right one
    auroc_entropy: float  # the same for the entropy of the class probabilities
    distance_q05: float  # quantiles of the distance to the origin: all alike, and there is no map to speak of
    distance_q50: float
    distance_q95: float


class Validation(NamedTuple):
    """What a look at the validation images found."""

    scores: Scores
    pictures: tuple[RGB, ...]  # photograph, truth, answer and doubt beside each other


def validate(
    model: HyperbolicDeepLab,
    header: Header,
    samples: Sequence[Sample],
    *,
    device: Device,
    held_out: Sequence[int] = (),
    longest_side: int | None = None,
    pictures: int = 0,
) -> Validation:
    """Segment every image and count; draw `pictures` of them, evenly spread and the same every time.

    `held_out` classes are void in the masks and cannot be answered.
    """
    K = header.tree.classes
    among = tuple(k for k in range(K) if k not in held_out) if held_out else None
    request = Request(measures=_MEASURES, among=among, longest_side=longest_side)
    segmenter = Segmenter(TorchEngine(model, header.input, device), header.tree, request=request)
    confusion = np.zeros((K, K + 1), np.int64)
    tables = np.zeros((len(_MEASURES), BINS, 2), np.int64)
    shown = {int(index) for index in np.linspace(0, len(samples) - 1, pictures)}
    drawn: list[RGB] = []
    palette = np.array(header.colors, np.uint8)
    for number, sample in enumerate(samples):
        photograph = decode_image(sample.image).pixels
        prediction = segmenter.predict([photograph])[0]
        truth = read_mask(sample.mask, classes=K, ignore_index=header.ignore_index)
        truth[np.isin(truth, held_out)] = K
        confusion += confusion_matrix(truth, prediction.labels, K)
        labelled = truth != K
        wrong = (prediction.labels != truth)[labelled]
        levels = {}
        for index, name in enumerate(_MEASURES):
            scale = full_scale(name, max_distance=model.config.max_distance)
            levels[name] = to_levels(prediction.confidence[name] / np.float32(scale))
            tables[index] += score_table(levels[name][labelled], wrong)
        if number in shown:
            seen = tally.Sample(sample.image.stem, truth, prediction.labels, levels)
            drawn.append(strips.strip(seen, photograph, palette))
    means = mean_scores(confusion)
    quantiles = _quantiles(tables[0].sum(axis=1), model.config.max_distance)
    relaxed = [family.miou for family in relaxed_scores(confusion, header.tree) if family.definition == "moved"]
    aurocs = [float(auroc(table)) for table in tables]
    shares = (math.nan if share is None else share for share in (means.miou, means.pixel_accuracy, *relaxed))
    scores = Scores(*shares, *aurocs, *quantiles)
    return Validation(scores, tuple(drawn))


def _quantiles(counts: NDArray[np.int64], full_scale: float) -> list[float]:
    """The 5, 50 and 95 % quantiles of levels, as distances."""
    reached = np.cumsum(counts)
    levels = np.searchsorted(reached, np.array([0.05, 0.5, 0.95]) * reached[-1])
    return [float(level) for level in levels * (full_scale / (BINS - 1))]
