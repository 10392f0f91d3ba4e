"""Intervals of differences hold: one score, many together, and over trainings as well as images."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.scores.bootstrap import Values
from hypsegcli.scores.paired import Runs, joint_intervals

REPLICATES = 1000


def images(seed: int, *, runs: int = 1) -> Values:
    """(runs, REPLICATES) replicates, the same of each run."""
    return np.tile(np.random.default_rng(seed).normal(size=REPLICATES), (runs, 1))


def single(replicates: Values, score: float = 0.0) -> Runs:
    return Runs(np.array([score]), replicates)


ZERO = single(np.zeros((1, REPLICATES)))


def test_one_score_of_two_evaluations_has_its_usual_interval() -> None:
    found = joint_intervals({"one": (ZERO, single(images(1)))})["one"]
    assert found == pytest.approx(tuple(np.quantile(images(1), (0.025, 0.975))), abs=0.1)


def test_scores_that_go_hand_in_hand_cost_nothing() -> None:
    alone = joint_intervals({"one": (ZERO, single(images(1)))})
    many = joint_intervals({str(n): (ZERO, single((n + 1) * images(1))) for n in range(20)})
    assert many["0"] == pytest.approx(alone["one"], abs=1e-12)


def test_a_score_that_never_differs_costs_nothing() -> None:
    alone = joint_intervals({"one": (ZERO, single(images(1)))})
    assert joint_intervals({"one": (ZERO, single(images(1))), "two": (ZERO, ZERO)}) == alone | {"two": (0.0, 0.0)}


@pytest.mark.parametrize("scores", [1, 2, 20])
def test_intervals_of_many_scores_hold_together(scores: int) -> None:
    """Of the draws, as many lie within all intervals as should; of one score at a time, 0.95 ** 20 is a third."""
    draws = [images(seed)[0] for seed in range(scores)]
    found = joint_intervals({str(n): (ZERO, single(values[None])) for n, values in enumerate(draws)})
    inside = [(found[str(n)].low <= values) & (values <= found[str(n)].high) for n, values in enumerate(draws)]
    assert 0.95 <= np.mean(np.all(inside, axis=0)) < 0.98


@pytest.mark.parametrize("runs", [2, 3, 5])
def test_trainings_count_as_much_as_they_differ(runs: int) -> None:
    """The true difference, 0, lies within the interval in 95 of 100 studies, or more: what is assumed is careful."""
    generator, still = np.random.default_rng(7), np.zeros((runs, REPLICATES))
    hits = 0
    for _ in range(400):
        one, two = (Runs(generator.normal(size=runs), still) for _ in range(2))
        centre = two.scores.mean() - one.scores.mean()
        low, high = joint_intervals({"one": (one, two)})["one"]
        hits += low <= -centre <= high
    assert hits / 400 >= 0.93


def test_trainings_that_agree_leave_the_images_alone() -> None:
    one, two = (Runs(np.full(3, 0.5), images(seed, runs=3)) for seed in (1, 2))
    found = joint_intervals({"one": (one, two)})
    assert found == joint_intervals({"one": (single(images(1)), single(images(2)))})


def test_what_is_not_defined_has_no_interval_and_widens_no_other() -> None:
    alone = joint_intervals({"one": (ZERO, single(images(1)))})
    never = single(np.full((1, REPLICATES), np.nan))
    assert joint_intervals({"one": (ZERO, single(images(1))), "two": (ZERO, never)}) == alone
    assert joint_intervals({"two": (ZERO, never)}) == {}
