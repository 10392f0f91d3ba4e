"""Pair after pair with its prediction: files are read ahead in threads, the network runs behind them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import NamedTuple

from hypsegcli.files.threads import ahead
from hypsegcli.inference.lanes import ONE
from hypsegcli.scores.sources import PredictedImage, Source
from hypsegcli.truth.masks import IdMap, hold_out, read_mask
from hypsegcli.truth.pairs import Pair


class _Read(NamedTuple):
    predict: Callable[[], PredictedImage]
    pixels: int
    seconds: float


def predicted_images(
    pairs: Iterable[Pair],
    source: Source,
    *,
    classes: int,
    ignore_index: int,
    workers: int,
    id_map: IdMap | None = None,
    only: tuple[int, ...] | None = None,
    seconds: dict[str, float] | None = None,
) -> Generator[PredictedImage, None, None]:
    """The images in the order of the pairs, each with its prediction; `only` makes other classes of the masks void.

    What the stages decode, network, reduce and dropout took is added to `seconds`. Raises DataError or ImageError at
    the first file that cannot be used.
    """
    held_out = () if only is None else tuple(set(range(classes)) - set(only))

    def read(pair: Pair) -> _Read:
        started = time.perf_counter()
        mask = read_mask(pair.mask, classes=classes, ignore_index=ignore_index, id_map=id_map)
        truth = hold_out(mask, held_out, void=classes)
        predict = source.read(pair, truth)
        return _Read(predict, truth.size, time.perf_counter() - started)

    def predict(file: _Read) -> tuple[PredictedImage, float]:
        return file.predict(), file.seconds

    lanes = source.lanes if workers else ONE
    with (
        closing(ahead(read, pairs, workers=workers, pixels=lambda one: one.pixels)) as files,
        closing(lanes.run(predict, files, lambda one: one.pixels)) as images,
    ):
        for predicted, decoding in images:
            source.note(predicted)
            if seconds is not None:
                for stage, took in {"decode": decoding, **predicted.seconds}.items():
                    seconds[stage] += took
            yield predicted
            del predicted  # it belongs to the caller alone
