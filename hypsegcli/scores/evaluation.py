"""Evaluation: takes in one image after the other and keeps what the report needs, in constant memory."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import NamedTuple

import numpy as np

from hypsegcli.errors import DataError, setting
from hypsegcli.files.threads import ahead
from hypsegcli.metrics.edges import f_from_counts
from hypsegcli.metrics.ranking import BINS, auroc
from hypsegcli.pictures.palette import RGB
from hypsegcli.scores.bootstrap import REPLICATES, Bootstrap
from hypsegcli.scores.gallery import Gallery
from hypsegcli.scores.reading import predicted_images
from hypsegcli.scores.sources import PredictedImage, Source
from hypsegcli.scores.tally import SHARE, Sample, Scheme, Tally, count_image
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

STAGES = ("decode", "network", "reduce", "dropout", "count")


class ImageRow(NamedTuple):
    """One line of per_image.csv; a number that is not defined is NaN."""

    key: str
    labelled_pixels: int
    wrong_pixels: int
    pixel_accuracy: float
    miou: float  # over the classes that this image's mask or prediction holds
    boundary_f: float
    uncertainty: float  # mean of 1 - confidence / full scale of the main measure, over labelled pixels
    auroc: float  # of the main measure
    correlation: float  # of the main measure with the distance to another class


class Hashes(NamedTuple):
    """Sums, modulo 2^256, of SHA-256: they do not depend on the order of the images."""

    keys: int = 0
    masks: int = 0  # of keys and masks
    images: int = 0  # of keys and the marks of files

    def __add__(self, other: tuple[int, ...]) -> Hashes:  # type: ignore[override]  # where a tuple would become longer
        """The hashes of both."""
        return Hashes(*((one + more) % 2**256 for one, more in zip(self, other, strict=True)))


class Evaluation:
    """Sums over images; two evaluations of different images of one scheme merge into that of all."""

    def __init__(self, scheme: Scheme, *, replicates: int = REPLICATES, palette: RGB | None = None) -> None:
        """`palette` (C, 3) uint8 colours the strips; without it none are kept."""
        self.scheme = scheme
        self.tally = Tally.zeros(scheme)
        self.bootstrap = Bootstrap(scheme, replicates=replicates)
        self.worst, self.uncertain = Gallery(scheme.main), Gallery(scheme.main)
        self.seconds = dict.fromkeys(STAGES, 0.0)  # that each stage was busy
        self.marks: list[str] = []  # of the files of the images that a network has seen
        self.hashes = Hashes()
        self._palette = palette

    def add(self, sample: Sample, photograph: RGB | None = None, mark: str | None = None) -> ImageRow:
        """Count one image; `mark` is that of its file, where a network has seen it."""
        counted = count_image(sample, self.scheme)
        self.tally.add(counted)
        self.bootstrap.add(sample.key, counted)
        key = sample.key.encode("utf-8", "surrogateescape")
        mask = key + f"{sample.truth.shape}".encode() + sample.truth.astype("<u2").tobytes()
        self.hashes += Hashes(_hash(key), _hash(mask), 0 if mark is None else _hash(key + mark.encode()))
        if mark is not None:
            self.marks.append(mark)
        row = _row(sample.key, counted, self.scheme.main_index)
        if self._palette is not None:
            self.worst.offer(row.miou, sample, photograph, self._palette)
            self.uncertain.offer(-row.uncertainty, sample, photograph, self._palette)
        return row

    def merge(self, other: Evaluation) -> None:
        """Take in the images of another shard."""
        self.tally.add(other.tally)
        self.bootstrap.merge(other.bootstrap)
        self.marks += other.marks
        self.seconds = {stage: seconds + other.seconds[stage] for stage, seconds in self.seconds.items()}
        self.hashes += other.hashes
        self.worst.merge(other.worst)
        self.uncertain.merge(other.uncertain)

    @property
    def masks_sha256(self) -> str:
        """A hash, the same for the same masks under the same keys, in any order: the sum of theirs."""
        return f"{self.hashes.masks:064x}"

    @property
    def keys_sha256(self) -> str:
        """A hash, the same for the same keys, in any order."""
        return f"{self.hashes.keys:064x}"

    @property
    def images_sha256(self) -> str | None:
        """A hash, the same for the same files under the same keys, in any order; None unless a network saw them all."""
        return f"{self.hashes.images:064x}" if len(self.marks) == int(self.tally.images[0]) else None


def evaluate(
    pairs: Iterable[Pair],
    source: Source,
    evaluation: Evaluation,
    *,
    ignore_index: int,
    workers: int,
    id_map: IdMap | None = None,
    only: tuple[int, ...] | None = None,
) -> Generator[ImageRow, None, None]:
    """Score pair by pair; `only` makes every other class of the masks void.

    Files are read ahead in `workers` threads, the source predicts in this one, and one more counts, in the order of the
    pairs; with 0 workers, one pair is done before the next is begun. The sums are the same bit for bit.

    Raises DataError or ImageError at the first file that cannot be scored: numbers over the rest would be another
    data set's.
    """

    def count(image: PredictedImage) -> _Counted:
        started = time.perf_counter()
        row = evaluation.add(image.sample, image.photograph, image.mark)
        return _Counted(row, image.sample.truth.size, time.perf_counter() - started)

    with (
        closing(
            predicted_images(
                pairs,
                source,
                classes=evaluation.scheme.classes,
                ignore_index=ignore_index,
                workers=workers,
                id_map=id_map,
                only=only,
                seconds=evaluation.seconds,
            )
        ) as images,
        closing(ahead(count, images, workers=min(workers, 1), prompt=True, pixels=_pixels)) as counted,
    ):
        for row, _, seconds in counted:
            evaluation.seconds["count"] += seconds
            yield row


def refuse_unlabelled(evaluation: Evaluation) -> None:
    """DataError where all images are scored, and none has a labelled pixel."""
    if not evaluation.tally.confusion.any():
        raise DataError(
            f"no mask has a pixel of the classes asked for; see {setting('unseen')}, {setting('ignore_index')} and "
            f"{setting('map')}"
        )


class _Counted(NamedTuple):
    row: ImageRow
    pixels: int
    seconds: float


def _pixels(counted: _Counted) -> int:
    return counted.pixels


def _row(key: str, tally: Tally, main: int | None) -> ImageRow:
    C = len(tally.confusion)
    labelled = int(tally.confusion.sum())
    right = int(np.trace(tally.confusion[:, :C]))
    _, _, boundary_f = (float(value) for value in f_from_counts(*tally.edges))
    table = None if main is None else tally.tables[main]
    levels = 0 if table is None else int((table.sum(1) * np.arange(BINS)).sum())
    return ImageRow(
        key,
        labelled,
        labelled - right,
        right / labelled if labelled else math.nan,
        int(tally.image_iou[0, C]) / SHARE if tally.image_iou[1, C] else math.nan,
        boundary_f,
        1.0 - levels / (labelled * (BINS - 1)) if table is not None and labelled else math.nan,
        math.nan if table is None else float(auroc(table)),
        int(tally.correlation[0]) / SHARE if tally.correlation[1] else math.nan,
    )


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest())
