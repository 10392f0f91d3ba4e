"""A batch in equal parts: those of the ranks, and the micro-batches of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Sampler

from hypsegcli.training.dataset import Crop, Draw, EpochSampler
from hypsegcli.training.launched import Place


def part_of(size: int, index: int, count: int) -> slice:
    """The part with an index of `count` parts of so many items, whose sizes differ by one at most."""
    return slice(index * size // count, (index + 1) * size // count)


class BatchSlices(Sampler[list[Draw]]):
    """Of each whole batch of an epoch the part of a rank: all together draw what one process draws."""

    def __init__(self, draws: EpochSampler, batch_size: int, place: Place) -> None:
        self.draws = draws
        self.batch_size = batch_size
        self._part = part_of(batch_size, place.index, place.count)

    def __len__(self) -> int:
        return len(self.draws) // self.batch_size

    def __iter__(self) -> Iterator[list[Draw]]:
        batch: list[Draw] = []
        for draw in self.draws:
            batch.append(draw)
            if len(batch) == self.batch_size:
                yield batch[self._part]
                batch = []


def micro_batches(batch: Crop, count: int) -> Iterator[Crop]:
    """A batch in `count` parts, which follow each other."""
    for index in range(count):
        part = part_of(len(batch.image), index, count)
        parts: Iterator[Any] = (torch.as_tensor(each)[part] for each in batch)
        yield Crop(*parts)
