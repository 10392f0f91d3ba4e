"""Where answers come from: a network that runs now, or maps that were written before. Both give the same samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.measures import full_scale
from hypsegcli.errors import DataError, ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.dropout import DropoutSampler
from hypsegcli.inference.prediction import RGB, Labels
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.scores.tally import Sample
from hypsegcli.truth.diagnose import size_mistake
from hypsegcli.truth.masks import IdMap, read_mask
from hypsegcli.truth.pairs import Pair
from hypsegcli.truth.stored import Plane, decide_among, proper_planes, read_probabilities


@dataclass(frozen=True, eq=False)
class Answered:
    """A sample, the photograph where there is one, and what the answer took."""

    sample: Sample
    photograph: NDArray[np.uint8] | None
    seconds: Mapping[str, float] = field(default_factory=dict)  # network, reduce, dropout


class Source(Protocol):
    """Gives the answer to one image."""

    def read(self, pair: Pair, truth: Labels) -> Callable[[], Answered]:
        """Read the files, in any thread; what comes back answers, in the thread that the network belongs to.

        Both raise ImageError or DataError.
        """


class NetworkSource:
    """Runs a checkpoint."""

    def __init__(self, segmenter: Segmenter, *, sampler: DropoutSampler | None, max_pixels: int = MAX_PIXELS) -> None:
        self._segmenter = segmenter
        self._sampler = sampler
        self._max_pixels = max_pixels
        most = segmenter.engine.config.max_distance
        self._scales = {name: full_scale(name, max_distance=most) for name in segmenter.request.measures}

    def read(self, pair: Pair, truth: Labels) -> Callable[[], Answered]:
        """Read the image of a pair, to be segmented."""
        if pair.image is None:
            raise ValueError(f"{pair.key} has no image")
        image = decode_image(pair.image, max_pixels=self._max_pixels).pixels
        if image.shape[:2] != truth.shape:
            raise DataError(f"{pair.image} and {pair.mask}: {size_mistake(image.shape[:2], truth.shape)}")
        return partial(self._answer, pair, truth, image)

    def _answer(self, pair: Pair, truth: Labels, image: RGB) -> Answered:
        dropped = None
        try:
            started, forward = time.perf_counter(), self._segmenter.forward_seconds
            found = self._segmenter.predict([image], [truth])[0]
            network = self._segmenter.forward_seconds - forward
            seconds = {"network": network, "reduce": time.perf_counter() - started - network}
            if self._sampler is not None:
                started = time.perf_counter()
                dropped = self._sampler.predict(image, key=pair.key)
                seconds["dropout"] = time.perf_counter() - started
        except (RuntimeError, MemoryError, ArithmeticError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ImageError(f"{pair.image}: the network failed on it: {reason}") from error
        levels = {name: to_levels(plane / np.float32(self._scales[name])) for name, plane in found.confidence.items()}
        if dropped is not None:
            levels |= {name: to_levels(plane) for name, plane in dropped.confidence.items()}
        dropout_labels = None if dropped is None else dropped.labels
        sample = Sample(pair.key, truth, found.labels, levels, found.proper, dropout_labels)
        return Answered(sample, image, seconds)


class StoredSource:
    """Reads the maps of a folder."""

    def __init__(
        self,
        planes: Sequence[Plane],
        *,
        labels_folder: Path,
        probabilities: Path | None,
        classes: int,
        ignore_index: int,
        id_map: IdMap | None,
        among: Sequence[int] | None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._planes = planes
        self._folder = labels_folder
        self._probabilities = probabilities
        self._classes = classes
        self._none = none_of(ignore_index, classes)
        self._id_map = id_map
        self._among = among
        self._max_pixels = max_pixels

    def read(self, pair: Pair, truth: Labels) -> Callable[[], Answered]:
        """Read the label map of a pair, and the planes of the same name."""
        if pair.labels is None:
            raise ValueError(f"{pair.key} has no label map")
        labels: Labels = read_mask(pair.labels, classes=self._classes, ignore_index=self._none, id_map=self._id_map)
        if labels.shape != truth.shape:
            raise DataError(
                f"{pair.labels} and {pair.mask}: {size_mistake(labels.shape, truth.shape, kind='label map')}"
            )
        key = plane_key(pair.labels, self._folder)
        levels = {plane.name: plane.read(key, labels.shape) for plane in self._planes}
        proper = None
        if self._probabilities is not None:
            stack = read_probabilities(self._probabilities, key, labels.shape, classes=self._classes)
            proper = proper_planes(stack, truth)
            if self._among is not None:
                labels = decide_among(stack, self._among, labels.dtype.type)
        photograph = None
        if pair.image is not None:
            photograph = decode_image(pair.image, max_pixels=self._max_pixels).pixels
            if photograph.shape[:2] != truth.shape:
                raise DataError(f"{pair.image} and {pair.mask}: {size_mistake(photograph.shape[:2], truth.shape)}")
        answered = Answered(Sample(pair.key, truth, labels, levels, proper), photograph)
        return lambda: answered


def none_of(ignore_index: int, classes: int) -> int:
    """The id that means no class in a label map: void's, unless that is the id of a class, which may be answered."""
    return -1 if 0 <= ignore_index < classes else ignore_index


def plane_key(labels: Path, folder: Path) -> str:
    """The relative path, without suffix, that a label map shares with its planes."""
    below = folder in labels.parents  # not where a single file was named
    inside = labels.relative_to(folder) if below else Path(labels.name)
    return inside.with_suffix("").as_posix()
