"""Pair after pair with its answer: files are read ahead in threads, the network runs in the calling one."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import NamedTuple

import numpy as np

from hypsegcli.files.ahead import ahead
from hypsegcli.scores.sources import Answered, Source
from hypsegcli.truth.masks import IdMap, read_mask
from hypsegcli.truth.pairs import Pair


class _Read(NamedTuple):
    answer: Callable[[], Answered]
    pixels: int
    seconds: float


def answers(
    pairs: Iterable[Pair],
    source: Source,
    *,
    classes: int,
    ignore_index: int,
    workers: int,
    id_map: IdMap | None = None,
    only: tuple[int, ...] | None = None,
    seconds: dict[str, float] | None = None,
) -> Generator[Answered, None, None]:
    """The answers in the order of the pairs; `only` makes every other class of the masks void.

    What the stages decode, network, reduce and dropout took is added to `seconds`. Raises DataError or ImageError at
    the first file that cannot be used.
    """

    def read(pair: Pair) -> _Read:
        started = time.perf_counter()
        truth = read_mask(pair.mask, classes=classes, ignore_index=ignore_index, id_map=id_map)
        if only is not None:
            kept = np.full(classes + 1, classes, truth.dtype)
            kept[list(only)] = only
            truth = kept[truth]
        answer = source.read(pair, truth)
        return _Read(answer, truth.size, time.perf_counter() - started)

    with closing(ahead(read, pairs, workers=workers, pixels=lambda found: found.pixels)) as files:
        for found in files:
            answered = found.answer()
            if seconds is not None:
                for stage, took in {"decode": found.seconds, **answered.seconds}.items():
                    seconds[stage] += took
            del found
            yield answered
