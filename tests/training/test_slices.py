"""Parts of batches: together they are the batch, in its order."""

from __future__ import annotations

from itertools import chain

import torch
from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.training.dataset import Crop, EpochSampler
from hypsegcli.training.launched import Place
from hypsegcli.training.slices import BatchSlices, micro_batches, part_of


@given(images=st.integers(1, 40), batch_size=st.integers(1, 12), count=st.integers(1, 8), epoch=st.integers(0, 3))
def test_all_ranks_draw_what_one_process_draws(images: int, batch_size: int, count: int, epoch: int) -> None:
    def slices(index: int, of: int) -> BatchSlices:
        draws = EpochSampler(images, seed=7)
        draws.epoch = epoch
        return BatchSlices(draws, batch_size, Place(index, of))

    whole = list(slices(0, 1))
    assert len(whole) == len(slices(0, 1)) == images // batch_size
    of_ranks = [list(slices(index, count)) for index in range(count)]
    assert [list(chain.from_iterable(parts)) for parts in zip(*of_ranks, strict=True)] == whole
    sizes = {len(part) for part in chain.from_iterable(of_ranks)}
    assert not sizes or max(sizes) - min(sizes) <= 1


@given(size=st.integers(0, 50), count=st.integers(1, 12))
def test_parts_follow_each_other(size: int, count: int) -> None:
    assert list(chain.from_iterable(range(size)[part_of(size, index, count)] for index in range(count))) == [
        *range(size)
    ]


def test_micro_batches_are_the_batch() -> None:
    batch = Crop(torch.rand(5, 3, 2, 2), torch.zeros(5, 2, 2), torch.arange(5), torch.tensor([True] * 5))  # type: ignore[arg-type]
    parts = list(micro_batches(batch, 2))
    assert [len(part.image) for part in parts] == [2, 3]
    for name in Crop._fields:
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
