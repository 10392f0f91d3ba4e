"""Scores on the validation images, from the same Segmenter that `hypseg predict` runs."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Header
from hypsegcli.errors import ImageError
from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.batches import Batches, Loaded, Unsegmented
from hypsegcli.inference.build import make_tiling
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.guide import usual_guide_side
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.metrics.classes import confusion_matrix, mean_scores
from hypsegcli.metrics.hierarchy import relaxed_scores
from hypsegcli.metrics.ranking import BINS, auroc, score_table
from hypsegcli.network.model import Network
from hypsegcli.pictures.palette import RGB
from hypsegcli.scores.gallery import draw_pictures
from hypsegcli.scores.sources import void_without_data
from hypsegcli.scores.tally import Sample
from hypsegcli.training.pictures import draw_sheet
from hypsegcli.training.ranks import ALONE, Ranks
from hypsegcli.training.unchanged import check_pair
from hypsegcli.truth.check import read_image
from hypsegcli.truth.contradicted import Witness, contradictions
from hypsegcli.truth.masks import IdMap, hold_out, read_mask
from hypsegcli.truth.pairs import Pair
from hypsegcli.truth.turned import turned_alone

_MEASURES = ("distance", "entropy")
_SHOWN = "distance"  # the one whose doubt the pictures show


class Scores(NamedTuple):
    """Over all labelled pixels of all images."""

    mean_iou: float  # over classes that occur in masks or predictions
    pixel_accuracy: float
    sibling_mean_iou: float  # a prediction among the true class's siblings in the tree counts as the true class
    cousin_mean_iou: float  # the same among cousins
    auroc_distance: float  # that a wrong pixel lies nearer to the origin than a right one
    auroc_entropy: float  # the same for the entropy of the class probabilities
    distance_q05: float  # quantiles of the distance to the origin: all alike, and there is no map to speak of
    distance_q50: float
    distance_q95: float


class Validation(NamedTuple):
    """What was measured on the validation images."""

    scores: Scores
    sheet: RGB | None  # some images: photograph, truth, prediction and doubt beside each other
    mistake: str | None = None  # a likely one in the masks, which only predictions show


def validate(
    model: Network,
    header: Header,
    pairs: Sequence[Pair],
    *,
    device: Device,
    digests: Mapping[str, str] | None = None,
    id_map: IdMap | None = None,
    held_out: Sequence[int] = (),
    longest_side: int | None = None,
    pictures: int = 0,
    ranks: Ranks = ALONE,
) -> Validation:
    """Segment every image and count, ranks a part each; draw `pictures` of them, evenly spread and the same every time.

    `digests`, by the pairs' keys, are of the files that were looked at; `id_map` leads from the masks' values to ids.
    Void in the masks is what photographs have no data of, and are `held_out` classes, which cannot be predicted.
    Raises FloatingPointError where the network's prediction is not finite, ImageError where it fails otherwise,
    DataError for files that have changed.
    """
    segmenter = validation_segmenter(model, header, device=device, held_out=held_out, longest_side=longest_side)
    return score(
        segmenter, header, pairs, digests=digests, id_map=id_map, held_out=held_out, pictures=pictures, ranks=ranks
    )


def validation_segmenter(
    model: Network,
    header: Header,
    *,
    device: Device,
    held_out: Sequence[int],
    longest_side: int | None,
    measures: tuple[str, ...] = _MEASURES,
) -> Segmenter:
    """What predicts while training: every image whole, unless it does not fit into memory.

    A measure `calibrated` is that of the header.
    """
    among = tuple(k for k in range(header.tree.classes) if k not in held_out) if held_out else None
    request = Request(measures=measures, among=among, longest_side=longest_side)
    if header.input.sampling == "adaptive" and longest_side is not None:
        request = replace(request, sampling="adaptive", guide_side=usual_guide_side(longest_side))
    windows = make_tiling("auto", model)
    tiling = None if windows is None else replace(windows, above=sys.maxsize)
    engine = TorchEngine(model, header.input, device)
    return Segmenter(engine, header.tree, request=request, tiling=tiling, calibration=header.calibration)


def score(
    segmenter: Segmenter,
    header: Header,
    pairs: Sequence[Pair],
    *,
    digests: Mapping[str, str] | None = None,
    id_map: IdMap | None = None,
    held_out: Sequence[int] = (),
    pictures: int = 0,
    ranks: Ranks = ALONE,
) -> Validation:
    """As `validate`, by a segmenter that is there already."""
    K, most = header.tree.classes, segmenter.engine.config.max_distance
    stages = Batches(segmenter)
    confusion = np.zeros((K, K + 1), np.int64)
    tables = np.zeros((len(_MEASURES), BINS, 2), np.int64)
    shown = {int(index) for index in np.linspace(0, len(pairs) - 1, pictures)}
    drawn: dict[int, list[RGB]] = {}
    witness = Witness(K, learned=False)
    palette = np.array(header.colors, np.uint8)
    with ranks.together():
        for number in range(ranks.place.index, len(pairs), ranks.place.count):
            pair = pairs[number]
            mask = read_mask(pair.mask, classes=K, ignore_index=header.ignore_index, id_map=id_map)
            photograph = read_image(pair, mask.shape)
            check_pair(pair, photograph, digests[pair.key] if digests else None)
            prediction = _predict(stages, pair, photograph)
            truth = void_without_data(hold_out(mask, held_out, void=K), photograph.valid, void=K)
            labels = void_without_data(prediction.labels, prediction.valid, void=K)
            witness.add(turned_alone(pair, photograph), truth, labels)
            confusion += confusion_matrix(truth, labels, K)
            labelled = truth != K
            wrong = (labels != truth)[labelled]
            levels = {name: prediction.confidence[name].levels() for name in _MEASURES}
            for index, name in enumerate(_MEASURES):
                tables[index] += score_table(levels[name][labelled], wrong)
            if number in shown:
                sample = Sample(pair.key, truth, labels, levels)
                drawn[number] = draw_pictures(sample, photograph.pixels, palette, _SHOWN)
    for table in (confusion, tables, witness.counts):
        ranks.add(torch.from_numpy(table))  # which shares its memory
    drawn = {number: row for rows in ranks.gather(drawn) for number, row in rows.items()}
    means = mean_scores(confusion)
    quantiles = _quantiles(tables[0].sum(axis=1), most)
    relaxed = [family.miou for family in relaxed_scores(confusion, header.tree) if family.definition == "moved"]
    aurocs = [float(auroc(table)) for table in tables]
    shares = (math.nan if share is None else share for share in (means.miou, means.pixel_accuracy, *relaxed))
    scores = Scores(*shares, *aurocs, *quantiles)
    mistakes = [] if held_out else contradictions(confusion, witness, id_map)
    sheet = draw_sheet([drawn[number] for number in sorted(drawn)], header.tree.names[:K], palette) if drawn else None
    return Validation(scores, sheet, next(iter(mistakes), None))


def _predict(stages: Batches, pair: Pair, photograph: DecodedImage) -> Prediction:
    """Raises FloatingPointError where the network's answer is no number, ImageError where there is none."""
    segmented = stages.segment_one(Loaded(pair, photograph))
    if isinstance(segmented, Unsegmented):
        failure = f"{pair.image}: {segmented.trouble.reason}"
        code = segmented.trouble.code
        raise FloatingPointError(failure) if code == "not_finite" else ImageError(failure, code)
    return segmented.prediction


def _quantiles(counts: NDArray[np.int64], full_scale: float) -> list[float]:
    """The 5, 50 and 95 % quantiles of levels, as distances."""
    reached = np.cumsum(counts)
    levels = np.searchsorted(reached, np.array([0.05, 0.5, 0.95]) * reached[-1])
    return [float(level) for level in levels * (full_scale / (BINS - 1))]
