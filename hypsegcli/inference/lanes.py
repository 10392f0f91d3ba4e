"""Small images go through the network side by side, each in a lane: a thread with its share of the processor.

Threads that work on one image wait for each other at every layer, and while one of them is kept from it by whatever
else runs there, all are. Lanes wait for nobody. Which images go in one depends on their size, and not on how many there
are or on the machine's memory: no answer may. The last digits of torch's depend on its threads, so that an image of
that size has a lane's also where it goes alone; those of the engines that run in lanes do not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import torch

from hypsegcli.files.threads import ahead

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 4  # each holds in memory what the network makes of an image


class _Lane(threading.local):
    of = 1  # so many; 1 for a thread that is none


_LANE = _Lane()


def lanes_here() -> int:
    """How many lanes share the processor, where the calling thread is one of them; else 1."""
    return _LANE.of


@dataclass(frozen=True)
class Lanes:
    """So many, for images of at most `most_pixels`; larger ones go alone, in all of the processor."""

    number: int = 1
    most_pixels: int = 0
    threads: int = 1  # of torch's, that all of them share

    def run(
        self, work: Callable[[Item], Result], items: Iterable[Item], pixels: Callable[[Item], int]
    ) -> Generator[Result, None, None]:
        """Yield `work` of every item, in order. Items are taken in the calling thread, where large ones are run too.

        `pixels` of one says how large it is.
        """
        if self.number == 1:
            yield from map(work, items)
            return
        for small, group in groupby(items, key=lambda item: self.takes(pixels(item))):
            if small:
                yield from ahead(work, group, workers=self.number, prompt=True, enter=self._enter)
            else:
                yield from map(work, group)

    @property
    def share(self) -> int:
        """Threads of one lane."""
        return max(1, self.threads // self.number)

    def takes(self, pixels: int) -> bool:
        """Whether an image of so many pixels goes in a lane, where it is one of several."""
        return self.number > 1 and pixels <= self.most_pixels

    def _enter(self) -> None:
        _LANE.of = self.number
        _take_threads(self.share, others=self.threads)


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch run in so many threads for the calling thread, as long as the block lasts."""
    before = torch.get_num_threads()
    if number == before:
        yield
        return
    _take_threads(number, others=before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _take_threads(number: int, *, others: int) -> None:
    torch.get_num_threads()  # a thread's first question gives it the number that all have
    torch.set_num_threads(number)
    # That is for this thread, and for all to come: a thread of its own takes the latter back, and goes with it.
    undo = threading.Thread(target=torch.set_num_threads, args=(others,))
    undo.start()
    undo.join()


ONE = Lanes()  # image after image, in the calling thread


def most_lanes(threads: int) -> int:
    """How many of a processor are worth their memory."""
    return min(threads, _MOST)
