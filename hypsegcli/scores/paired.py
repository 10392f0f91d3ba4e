"""How much one side scores above another, on the same images: over images, over trainings, over all scores at once.

Replicates of evaluations of the same images are paired, so that their differences vary as the images do. Of many
intervals of 95 % one in twenty misses; those here hold all together, by rank, so that scores that go hand in hand cost
nothing (Besag et al., "Bayesian Computation and Stochastic Systems", 1995, section 6.3). Where the replicates are too
few for that, their own ends are no bounds: intervals then reach as far as Student's t does for a value more, with an
equal part of the level for every score (Sidak, 1967), whatever goes hand in hand.

Replicates of few images vary less than other images would, and their ends are those of a normal distribution where
those of Student's t were right: intervals are as much wider (Hesterberg, "What Teachers Should Know About the
Bootstrap", 2015, the expanded percentile interval).

How much a score varies with the training is known where a side has several: its mean then lies around the one that is
sought as Student's t with a degree of freedom less than there are trainings. So few of them do not tell which scores go
hand in hand, so that each has an equal part of the level here too. Images and the trainings of each side are
independent, and the distances of the ends of their intervals from the middle add as squares (Zou and Donner,
"Construction of confidence limits about effect measures", 2008), which holds for any mixture of the three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from hypsegcli.scores.bootstrap import Interval, Values

LEVEL = 0.95  # of the intervals, together
_STEPS = 20_000  # of the integral of Student's t
_ROUNDING = 1e-9
_MANY = 10_000  # images, of more of which Student's t is normal


class Runs(NamedTuple):
    """One score of the evaluations of a side."""

    scores: Values  # (N,)
    replicates: Values  # (N, R), the same R of either side, and of all scores


class _Row(NamedTuple):
    """One score's difference, second less first."""

    shifts: Values  # (R,) of the replicates, over the trainings; NaN where one is not defined
    trainings: tuple[tuple[float, int], ...]  # of the sides that have several: variance of the mean, degrees of freedom

    @property
    def defined(self) -> Values:
        return self.shifts[np.isfinite(self.shifts)]

    @property
    def varies(self) -> bool:
        return bool(np.ptp(self.defined)) or any(variance for variance, _ in self.trainings)


def joint_intervals(pairs: Mapping[str, tuple[Runs, Runs]], *, images: int) -> dict[str, Interval]:
    """Intervals of the differences by name, over so many images, which hold together at LEVEL.

    Left out are those of which no two replicates are defined, and those of which all replicates have one difference
    that is not 0, as of a class in one image alone: they do not tell how the difference varies.
    """
    rows = {name: _row(first, second) for name, (first, second) in pairs.items()}
    rows = {name: row for name, row in rows.items() if _tells(row)}
    several = {(row.shifts.tobytes(), row.trainings) for row in rows.values() if row.varies}
    equal = (1 - LEVEL ** (1 / max(len(several), 1))) / 2
    ranked = _ranked_share([row.shifts for row in rows.values() if np.ptp(row.defined)])
    return {name: _interval(row, ranked, equal, images) for name, row in rows.items()}


@lru_cache(maxsize=64)
def student(share: float, freedom: int) -> float:
    """What Student's t exceeds with this probability, below a half."""
    angle = np.linspace(0, math.pi / 2, _STEPS + 1)  # whose cotangent is t over the root of the degrees of freedom
    density = np.sin(angle) ** (freedom - 1)
    beyond = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    return math.sqrt(freedom) / math.tan(float(np.interp(2 * share * beyond[-1], beyond, angle)))


def _row(first: Runs, second: Runs) -> _Row:
    shifts: Values = second.replicates.mean(axis=0) - first.replicates.mean(axis=0)
    several = [side.scores for side in (first, second) if len(side.scores) > 1]
    return _Row(shifts, tuple((float(scores.var(ddof=1)) / len(scores), len(scores) - 1) for scores in several))


def _tells(row: _Row) -> bool:
    known = all(math.isfinite(variance) for variance, _ in row.trainings)
    return known and len(row.defined) > 1 and bool(np.ptp(row.defined) or row.defined[0] == 0)


def _ranked_share(rows: Sequence[Values]) -> float:
    """The share of replicates beyond, or at, either end of intervals by rank that hold together; 0 if none do."""
    if not rows:
        return 0.0
    nearest = np.full(len(rows[0]), np.inf)  # share beyond or at a replicate, in the score where it lies worst
    for shifts in rows:
        (defined,) = np.nonzero(np.isfinite(shifts))
        order = defined[shifts[defined].argsort(kind="stable")]
        ranks = np.arange(1, len(order) + 1)
        nearest[order] = np.minimum(nearest[order], np.minimum(ranks, ranks[::-1]) / len(order))
    first_inside = np.sort(nearest)[math.floor((1 - LEVEL) * len(nearest) + _ROUNDING)]
    return min(float(nearest[nearest < first_inside].max(initial=0)), (1 - LEVEL) / 2)


def _interval(row: _Row, ranked: float, equal: float, images: int) -> Interval:
    ordered = np.sort(row.defined)
    middle = float(np.median(ordered))
    low, high = _over_images(ordered, ranked, equal)
    wider = _expansion(ranked or equal, images)
    low, high = middle - wider * (middle - low), middle + wider * (high - middle)
    apart = math.hypot(*(math.sqrt(variance) * student(equal, freedom) for variance, freedom in row.trainings))
    more_below, more_above = (math.hypot(way, apart) - way for way in (middle - low, high - middle))
    return Interval(low - more_below, high + more_above)


def _over_images(ordered: Values, ranked: float, equal: float) -> Interval:
    outside = math.floor(ranked * len(ordered) + _ROUNDING)
    if outside:
        return Interval(float(ordered[outside - 1]), float(ordered[-outside]))
    spread = float(ordered.std(ddof=1)) * math.sqrt(1 + 1 / len(ordered))  # of one more, around their mean
    mean, reach = float(ordered.mean()), spread * student(equal, len(ordered) - 1)
    return Interval(min(float(ordered[0]), mean - reach), max(float(ordered[-1]), mean + reach))


def _expansion(share: float, images: int) -> float:
    """How much wider an interval over so many images is than that of their replicates, with a share beyond each end."""
    if not 1 < images <= _MANY:  # of one nothing varies
        return 1.0
    return student(share, images - 1) / NormalDist().inv_cdf(1 - share) * math.sqrt(images / (images - 1))
