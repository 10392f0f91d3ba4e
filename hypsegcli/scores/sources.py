"""Where predictions come from: a network that runs now, or maps written before. Both give the same samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import DataError, ImageError
from hypsegcli.files.mark import image_mark
from hypsegcli.files.words import count_alike
from hypsegcli.inference.batches import Batches, Loaded, Trouble, Unsegmented, fit_into_memory
from hypsegcli.inference.dropout import DropoutSampler
from hypsegcli.inference.lanes import ONE, Lanes
from hypsegcli.inference.prediction import RGB, Labels, Prediction
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.scores.tally import Sample
from hypsegcli.truth.check import read_image
from hypsegcli.truth.contradicted import Witness
from hypsegcli.truth.diagnose import size_mistake
from hypsegcli.truth.masks import Id, IdMap, decode_ids, read_mask
from hypsegcli.truth.pairs import Pair
from hypsegcli.truth.plane_order import Agreement, count_others
from hypsegcli.truth.stored_planes import PlaneFolder
from hypsegcli.truth.stored_probabilities import decide_among, proper_planes, read_probabilities
from hypsegcli.truth.turned import NOTE, turned_alone


@dataclass(frozen=True, eq=False)
class PredictedImage:
    """An image whose truth and prediction can be compared."""

    sample: Sample
    photograph: NDArray[np.uint8] | None  # (H, W, 3), where there is one
    mark: str | None = None  # of the photograph's file, where a network has seen it; see confidence.calibration
    seconds: Mapping[str, float] = field(default_factory=dict)  # that the prediction took: network, reduce, dropout
    notes: tuple[str, ...] = ()  # on what was changed in the photograph on its way
    turned_alone: int | None = 1  # see Witness.add: the orientation of a photograph whose mask has none
    disagreement: tuple[int, int] = (0, 0)  # pixels whose label and probabilities are stored; those that differ


class Source(Protocol):
    """Gives the prediction of one image after the other."""

    def read(self, pair: Pair, truth: Labels) -> Callable[[], PredictedImage]:
        """Read the files; what comes back predicts: both in any thread.

        Both raise ImageError or DataError.
        """

    @property
    def lanes(self) -> Lanes:
        """In which it predicts."""

    def note(self, predicted: PredictedImage) -> None:
        """Take in what an image gives to know, in the images' order."""

    def notes(self) -> list[str]:
        """Sentences about the predictions so far that whoever reads the scores should know."""

    def witness(self) -> Witness:
        """What the predictions so far say of the masks."""


class NetworkSource:
    """Runs a checkpoint."""

    def __init__(self, segmenter: Segmenter, *, sampler: DropoutSampler | None, max_pixels: int = MAX_PIXELS) -> None:
        self._segmenter = segmenter
        self._stages = Batches(segmenter)
        self._sampler = sampler
        self._max_pixels = max_pixels
        self._notes: list[str] = []  # of every image
        self._witness = Witness(segmenter.tree.classes)

    def read(self, pair: Pair, truth: Labels) -> Callable[[], PredictedImage]:
        """Read the image of a pair, to be segmented."""
        image = read_image(pair, truth.shape, max_pixels=self._max_pixels)
        truth = void_without_data(truth, image.valid, void=self._segmenter.tree.classes)
        if (alone := turned_alone(pair, image)) != 1:
            image = replace(image, notes=(*image.notes, NOTE))
        return partial(self._predict, Loaded(pair, image, truth), truth, alone)

    @property
    def lanes(self) -> Lanes:
        """Those of the network; dropout takes one, since its masks are drawn for one image at a time."""
        return self._segmenter.lanes if self._sampler is None else ONE

    def note(self, predicted: PredictedImage) -> None:
        """Count what was changed in its photograph, and how that was turned."""
        self._notes += predicted.notes
        self._witness.add(predicted.turned_alone, predicted.sample.truth, predicted.sample.labels)

    def notes(self) -> list[str]:
        """What was changed in images on the way, a line a kind: by reading, by shrinking, for want of memory."""
        return count_alike(self._notes, "image")

    def witness(self) -> Witness:
        """Of all images."""
        return self._witness

    def _predict(self, loaded: Loaded[Pair], truth: Labels, alone: int) -> PredictedImage:
        pair = loaded.item
        segmented = self._stages.segment_one(loaded)
        if isinstance(segmented, Unsegmented):
            raise ImageError(f"{pair.image}: {segmented.trouble.reason}", segmented.trouble.code)
        notes = list(loaded.image.notes)
        image, prediction, seconds = loaded.image.pixels, segmented.prediction, dict(loaded.seconds)
        levels = {name: plane.levels() for name, plane in prediction.confidence.items()}
        dropout_labels, tile = None, segmented.tile
        if self._sampler is not None:
            started = time.perf_counter()
            dropout, dropout_tile = self._drop(self._sampler, pair, image)
            seconds["dropout"] = time.perf_counter() - started
            levels |= {name: plane.levels() for name, plane in dropout.confidence.items()}
            dropout_labels, tile = dropout.labels, min(filter(None, (tile, dropout_tile)), default=None)
        if tile is not None:
            notes.append(f"did not fit into memory whole; scored in windows of {tile} pixels")
        if self._segmenter.shrinks(*image.shape[:2]):
            side = self._segmenter.request.longest_side
            notes.append(f"shrunk to {side} pixels for the network (longest side)")
        answer_levels = dict(levels) if prediction.answers is not None else {}
        answer_levels |= {name: plane.levels() for name, plane in prediction.answer_confidence.items()}
        sample = Sample(
            pair.key,
            truth,
            void_without_data(prediction.labels, prediction.valid, void=self._segmenter.tree.classes),
            levels,
            prediction.proper,
            dropout_labels,
            prediction.answers,
            answer_levels,
        )
        mark = image_mark(loaded.image.digest.sha256) if loaded.image.digest is not None else None
        return PredictedImage(sample, image, mark, seconds, tuple(notes), alone)

    def _drop(self, sampler: DropoutSampler, pair: Pair, image: RGB) -> tuple[Prediction, int | None]:
        """The prediction under dropout, and the side of the windows that it took."""
        fitted = fit_into_memory(
            lambda tiling: sampler.predict(image, key=pair.key, tiling=tiling), self._segmenter, *image.shape[:2]
        )
        if isinstance(fitted, Trouble):
            raise ImageError(f"{pair.image}: {fitted.reason}", fitted.code)
        return fitted


class StoredSource:
    """Reads the maps of a folder."""

    def __init__(
        self,
        planes: Sequence[PlaneFolder],
        *,
        labels_folder: Path,
        probabilities: Path | None,
        classes: int,
        ignore_index: int,
        id_map: IdMap | None,
        among: Sequence[int] | None,
        max_pixels: int = MAX_PIXELS,
        nodes: int | None = None,
        void: int | None = None,
    ) -> None:
        """`nodes` is how many the class tree has, where the maps hold ids of nodes; that of undecided follows them.

        `void` is the id by which maps say where photographs have no data, which `id_map` leads to void.
        """
        self._nodes, self._void = nodes, void
        self._planes = planes
        self._folder = labels_folder
        self._probabilities = probabilities
        self._classes = classes
        self._none = none_of(ignore_index, classes)
        self._id_map = id_map
        self._among = among
        self._max_pixels = max_pixels
        self._witness = Witness(classes)
        self.agreement = Agreement()  # of labels and probabilities, so far

    def read(self, pair: Pair, truth: Labels) -> Callable[[], PredictedImage]:
        """Read the label map of a pair, and the planes of the same name."""
        if pair.labels is None:
            raise ValueError(f"{pair.key} has no label map")
        ids, none = (self._classes, self._none) if self._nodes is None else (self._nodes, self._nodes)
        labels: Labels = read_mask(pair.labels, classes=ids, ignore_index=none, id_map=self._id_map)
        if labels.shape != truth.shape:
            raise DataError(
                f"{pair.labels} and {pair.mask}: {size_mistake(labels.shape, truth.shape, kind='label map')}"
            )
        key, valid = plane_key(pair.labels, self._folder), None
        if self._void is not None:
            valid = decode_ids(pair.labels) != self._void
            truth = void_without_data(truth, valid, void=self._classes)
        levels = {plane.name: plane.read(key, labels.shape, valid) for plane in self._planes}
        proper, others = None, (0, 0)
        if self._probabilities is not None:
            stack = read_probabilities(
                self._probabilities,
                key,
                labels.shape,
                classes=self._classes,
                id_map=self._id_map,
                ignore_index=self._none,
                valid=valid,
            )
            proper = proper_planes(stack, truth)
            if self._nodes is None:
                others = count_others(stack, labels)
            if self._among is not None:
                labels = decide_among(stack, self._among, labels.dtype.type)
        photograph, alone = None, 1
        if pair.image is not None:
            image = read_image(pair, truth.shape, max_pixels=self._max_pixels)
            photograph, alone = image.pixels, turned_alone(pair, image)
            truth = void_without_data(truth, image.valid, void=self._classes)
        sample = Sample(pair.key, truth, labels, levels, proper)
        if self._nodes is not None:
            classes = np.minimum(labels, self._classes).astype(truth.dtype)  # an inner node is none
            sample = Sample(pair.key, truth, classes, {}, proper, answers=labels[None], answer_levels=levels)
        predicted = PredictedImage(sample, photograph, turned_alone=alone, disagreement=others)
        return lambda: predicted

    @property
    def lanes(self) -> Lanes:
        """One: nothing is left to do."""
        return ONE

    def note(self, predicted: PredictedImage) -> None:
        """Count how its photograph was turned, where there is one, and how labels and probabilities agree."""
        self._witness.add(predicted.turned_alone, predicted.sample.truth, predicted.sample.labels)
        self.agreement.add(*predicted.disagreement)

    def witness(self) -> Witness:
        """Of how masks were turned, what is told by those whose photographs are there too."""
        return self._witness

    def notes(self) -> list[str]:
        """None: what there is to know of stored maps, they do not tell."""
        return []


def void_without_data(ids: NDArray[Id], valid: NDArray[np.bool_] | None, *, void: int) -> NDArray[Id]:
    """Class ids, those of the truth too, with none where a photograph has no data: nobody can answer there."""
    return ids if valid is None else np.where(valid, ids, ids.dtype.type(void))


def none_of(ignore_index: int, classes: int) -> int:
    """The id that means no class in a label map: void's, unless that is the id of a class, which may be predicted."""
    return -1 if 0 <= ignore_index < classes else ignore_index


def plane_key(labels: Path, folder: Path) -> str:
    """The relative path, without suffix, that a label map shares with its planes."""
    below = folder in labels.parents  # not where a single file was named
    inside = labels.relative_to(folder) if below else Path(labels.name)
    return inside.with_suffix("").as_posix()
