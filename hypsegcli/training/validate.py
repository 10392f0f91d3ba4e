"""Scores on the validation images, from the same Segmenter that `hypseg predict` runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Header
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.inference.device import Device
from hypsegcli.inference.segmenter import Answer, Segmenter
from hypsegcli.maps.uncertainty import full_scale
from hypsegcli.network.model import HyperbolicDeepLab
from hypsegcli.training.dataset import Sample

_BINS = 4096  # of a confidence measure; AUROC changes in the fifth digit with more
_MEASURES = ("distance", "entropy")


class Scores(NamedTuple):
    """Over all labelled pixels of all images."""

    mean_iou: float  # over classes that occur in masks or predictions
    pixel_accuracy: float
    auroc_distance: float  # that a wrong pixel lies nearer to the origin than a right one
    auroc_entropy: float  # the same for the entropy of the class probabilities


def validate(model: HyperbolicDeepLab, header: Header, samples: Sequence[Sample], *, device: Device) -> Scores:
    """Segment every image and count."""
    K = header.tree.classes
    segmenter = Segmenter(model, header.tree, header.input, device=device, answer=Answer(measures=_MEASURES))
    confusion = np.zeros((K, K), np.int64)
    tables = np.zeros((len(_MEASURES), 2, _BINS), np.int64)
    for sample in samples:
        prediction = segmenter.predict([decode_image(sample.image).pixels])[0]
        truth = decode_mask(sample.mask)
        labelled = truth != header.ignore_index
        guess, truth = prediction.labels[labelled].astype(np.int64), truth[labelled].astype(np.int64)
        confusion += np.bincount(K * truth + guess, minlength=K * K).reshape(K, K)
        for table, name in zip(tables, _MEASURES, strict=True):
            scale = full_scale(name, max_distance=model.config.max_distance)
            share = (prediction.confidence[name][labelled] / scale).clip(0.0, 1.0)
            bins = (share * (_BINS - 1)).astype(np.int64)
            for row, right in enumerate((False, True)):
                table[row] += np.bincount(bins[(guess == truth) == right], minlength=_BINS)
    hit = np.diag(confusion)
    union = confusion.sum(0) + confusion.sum(1) - hit
    return Scores(
        float((hit[union > 0] / union[union > 0]).mean()),
        float(hit.sum() / confusion.sum()),
        *(auroc(wrong, right) for wrong, right in tables),
    )


def auroc(wrong: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    """Probability that a wrong pixel has less confidence than a right one, ties counted half.

    Takes histograms over rising confidence. NaN where either is empty.
    """
    below = np.cumsum(wrong) - wrong
    pairs = float(wrong.sum()) * float(right.sum())
    return float((right * (below + wrong / 2.0)).sum() / pairs) if pairs else float("nan")
