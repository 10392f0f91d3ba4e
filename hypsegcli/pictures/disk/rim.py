"""Names around the unit disk, none over another, each beside what it names: an end of a line, points near the rim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.isotonic import isotonic

_AWAY = 1.04  # distance of names from the origin


class RimName(NamedTuple):
    """Where a name stands: right of (x, y) on the right half of the disk, left of it on the left half."""

    number: int  # which of what is named
    end: tuple[float, float]  # on the rim, where that is
    x: float
    y: float

    @property
    def right(self) -> bool:
        """On which half."""
        return self.end[0] >= 0.0

    def leader(self) -> NDArray[np.float64]:
        """(n, 2) from the end to the name, outside the disk: a straight line would cut off a piece of it."""
        start, stop = (math.atan2(y, x) for x, y in (self.end, (self.x, self.y)))
        turn = math.remainder(stop - start, 2.0 * math.pi)
        share = np.linspace(0.0, 1.0, 9)
        angle, radius = start + turn * share, 1.0 + (_AWAY - 1.0) * np.sqrt(share)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def rim_names(ends: Sequence[NDArray[np.floating]], *, gap: float) -> list[RimName]:
    """Places for names in order of importance, each with ends (n, 2) on the unit circle, y upwards, at which it may be.

    Each stands at that end which is farther from the ends taken before. Names of one half stand at least `gap`
    above each other, moved along the rim as little as that allows. One whose ends lie on full halves is left out.
    """
    room = math.floor(2.0 * _AWAY / gap) + 1  # names on one half
    halves: tuple[list[tuple[int, tuple[float, float]]], ...] = ([], [])
    for number, pair in enumerate(ends):
        free = [(float(x), float(y)) for x, y in pair if len(halves[int(x >= 0.0)]) < room]
        if not free:
            continue
        taken = [end for half in halves for _, end in half]
        chosen = max(free, key=lambda end: min((math.dist(end, other) for other in taken), default=0.0))
        halves[int(chosen[0] >= 0.0)].append((number, chosen))
    names = []
    for half in halves:
        half.sort(key=lambda item: (item[1][1], item[0]))
        heights = spread([_AWAY * end[1] for _, end in half], gap=gap, low=-_AWAY, high=_AWAY)
        for (number, end), y in zip(half, heights, strict=True):
            x = math.sqrt(max(_AWAY**2 - y**2, 0.0))
            names.append(RimName(number, end, x if end[0] >= 0.0 else -x, y))
    return names


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Positions in [low, high], each at least `gap` above the one before, with the least sum of squared moves.

    `wanted` rises, and all of it fits. Less `gap` times their index, positions need only not fall.
    """
    steps = gap * np.arange(len(wanted))
    level = isotonic(np.asarray(wanted, np.float64) - steps, np.ones(len(wanted)))
    top = high - gap * (len(level) - 1)
    positions: list[float] = (np.minimum(np.maximum(level, low), top) + steps).tolist()
    return positions
