"""Small images go through the network side by side, each in a lane: a thread with its share of the processor.

Threads that work on one image wait for each other at every layer, and while one of them is kept from it by whatever
else runs there, all are. Lanes wait for nobody. Which images go in one depends on their size, and not on how many there
are or on the machine's memory: no answer may.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
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

    def run(
        self, work: Callable[[Item], Result], items: Iterable[Item], pixels: Callable[[Item], int]
    ) -> Generator[Result, None, None]:
        """Yield `work` of every item, in order. Items are taken in the calling thread, where large ones are run too.

        `pixels` of one says how large it is.
        """
        if self.number == 1:
            yield from map(work, items)
            return
        share = max(1, torch.get_num_threads() // self.number)

        def enter() -> None:
            torch.set_num_threads(share)
            _LANE.of = self.number

        try:
            for small, group in groupby(items, key=lambda item: pixels(item) <= self.most_pixels):
                if small:
                    yield from ahead(work, group, workers=self.number, prompt=True, enter=enter)
                else:
                    yield from map(work, group)
        finally:
            torch.set_num_threads(torch.get_num_threads())  # a lane's are those of threads to come, until this is said


def most_lanes(threads: int) -> int:
    """How many of a processor are worth their memory."""
    return min(threads, _MOST)
