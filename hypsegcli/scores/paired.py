"""How much one side scores above another, on the same images: over images, over trainings, over all scores at once.

Replicates of evaluations of the same images are paired, so that their differences vary as the images do. How much a
score varies with the training is known where a side has several: its mean then lies around the one that is sought as
Student's t with a degree of freedom less than there are trainings (with a side each: Behrens and Fisher). Of many
intervals of 95 % one in twenty misses; those here hold all together, by rank, so that scores that go hand in hand cost
nothing (Besag et al., "Bayesian Computation and Stochastic Systems", 1995, section 6.3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hypsegcli.scores.bootstrap import Interval, Values

LEVEL = 0.95  # of the intervals, together
_SEED = 1


class Runs(NamedTuple):
    """One score of the evaluations of a side."""

    scores: Values  # (N,)
    replicates: Values  # (N, R), the same R of either side


def difference_draws(first: Runs, second: Runs, generator: np.random.Generator) -> Values:
    """(R,): where the difference of means, second less first, may lie; NaN where a replicate is not defined."""
    draws: Values = second.replicates.mean(axis=0) - first.replicates.mean(axis=0)
    for side in (first, second):
        runs = len(side.scores)
        if runs > 1:
            spread = float(side.scores.std(ddof=1)) / math.sqrt(runs)
            draws = draws + spread * generator.standard_t(runs - 1, len(draws))
    return draws


def joint_intervals(pairs: Mapping[str, tuple[Runs, Runs]]) -> dict[str, Interval]:
    """Intervals of the differences by name, which hold together at LEVEL; those without defined draws are left out.

    The same pairs give the same intervals.
    """
    generator = np.random.default_rng(_SEED)
    draws = {name: difference_draws(first, second, generator) for name, (first, second) in pairs.items()}
    draws = {name: values[np.isfinite(values)] for name, values in draws.items()}
    draws = {name: values for name, values in draws.items() if len(values)}
    if not draws:
        return {}
    share = _left_out(list(draws.values()))
    intervals = {}
    for name, values in draws.items():
        ordered, outer = np.sort(values), round(share * len(values))
        intervals[name] = Interval(float(ordered[outer]), float(ordered[-1 - outer]))
    return intervals


def _left_out(draws: Sequence[Values]) -> float:
    """The share of draws that an interval leaves out at each end, so that all of them hold at LEVEL together.

    Scores some of whose draws are not defined, or which never differ, have no say in it.
    """
    longest = max(map(len, draws))
    depth = np.full(longest, longest // 2)  # how far from the nearer end a draw lies, in the score where it lies worst
    for values in draws:
        if len(values) == longest and np.ptp(values):
            ranks = values.argsort(kind="stable").argsort(kind="stable")
            depth = np.minimum(depth, np.minimum(ranks, longest - 1 - ranks))
    return float(np.quantile(depth, 1 - LEVEL, method="lower")) / longest
