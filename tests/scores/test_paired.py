"""Intervals of differences hold: one score, many together, and over trainings as well as images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from hypsegcli.scores.bootstrap import Interval, Values
from hypsegcli.scores.paired import Runs, joint_intervals, student

REPLICATES = 1000


def images(seed: int, *, runs: int = 1) -> Values:
    """(runs, REPLICATES) replicates, the same of each run."""
    return np.tile(np.random.default_rng(seed).normal(size=REPLICATES), (runs, 1))


def single(replicates: Values, score: float = 0.0) -> Runs:
    return Runs(np.array([score]), replicates)


def of_many(pairs: dict[str, tuple[Runs, Runs]]) -> dict[str, Interval]:
    """Over so many images that their replicates vary as other images would."""
    return joint_intervals(pairs, images=10**9)


ZERO = single(np.zeros((1, REPLICATES)))


def test_one_score_of_two_evaluations_has_its_usual_interval() -> None:
    found = of_many({"one": (ZERO, single(images(1)))})["one"]
    assert found == pytest.approx(tuple(np.quantile(images(1), (0.025, 0.975))), abs=0.1)


def test_scores_that_go_hand_in_hand_cost_nothing() -> None:
    alone = of_many({"one": (ZERO, single(images(1)))})
    many = of_many({str(n): (ZERO, single((n + 1) * images(1))) for n in range(20)})
    assert many["0"] == pytest.approx(alone["one"], abs=1e-12)


def test_a_score_that_never_differs_costs_nothing() -> None:
    alone = of_many({"one": (ZERO, single(images(1)))})
    assert of_many({"one": (ZERO, single(images(1))), "two": (ZERO, ZERO)}) == alone | {"two": (0.0, 0.0)}


@pytest.mark.parametrize("scores", [1, 2, 20])
def test_intervals_of_many_scores_hold_together(scores: int) -> None:
    """Of the replicates, as many lie within all intervals as should; of one score at a time, 0.95 ** 20 is a third."""
    draws = [images(seed)[0] for seed in range(scores)]
    found = of_many({str(n): (ZERO, single(values[None])) for n, values in enumerate(draws)})
    inside = [(found[str(n)].low < values) & (values < found[str(n)].high) for n, values in enumerate(draws)]
    assert 0.95 <= np.mean(np.all(inside, axis=0)) < 0.98


def studies(
    count: int, scores: int, *, replicates: int, alike: float, runs: tuple[int, int] = (1, 1), other: float = 1.0
) -> Iterator[dict[str, tuple[Runs, Runs]]]:
    """Studies in which neither side is better, and all is normal: of images (1) and trainings (1, `other` of B's)."""
    generator = np.random.default_rng(5)

    def normal(rows: int) -> Values:
        common, own = generator.normal(size=(rows, 1)), generator.normal(size=(rows, scores))
        return math.sqrt(alike) * common + math.sqrt(1 - alike) * own

    for _ in range(count):
        moved = (normal(1) + normal(replicates)).T  # of the images drawn, and of those drawn of these
        first, second = (normal(n) if n > 1 else np.zeros((1, scores)) for n in runs)
        second *= other
        yield {
            str(n): (
                Runs(first[:, n], np.tile(first[:, n, None], replicates)),
                Runs(second[:, n], second[:, n, None] + moved[n]),
            )
            for n in range(scores)
        }


def together(found: Iterable[dict[str, Interval]]) -> float:
    """In which share of studies no interval misses 0."""
    return float(np.mean([all(low <= 0 <= high for low, high in one.values()) for one in found]))


@pytest.mark.parametrize("alike", [0.0, 0.8])
@pytest.mark.parametrize("replicates", [10, 20, 100, 1000])
@pytest.mark.parametrize("scores", [1, 24])
def test_intervals_hold_together_however_few_the_replicates(scores: int, replicates: int, alike: float) -> None:
    """Of the truth, not of the replicates that they were made of."""
    found = map(of_many, studies(200, scores, replicates=replicates, alike=alike))
    assert together(found) >= 0.92


@pytest.mark.parametrize("count", [5, 10, 20, 50])
def test_intervals_hold_together_however_few_the_images(count: int) -> None:
    """Neither side is better; the images were drawn once, and are drawn again by Poisson(1) variates."""
    generator = np.random.default_rng(11)

    def study() -> dict[str, tuple[Runs, Runs]]:
        gains = generator.normal(size=(count, 12))
        times = generator.poisson(1, size=(REPLICATES, count))
        shifts = times @ gains / np.maximum(times.sum(axis=1, keepdims=True), 1)
        return {str(n): (ZERO, single(shifts[None, :, n])) for n in range(12)}

    assert together(joint_intervals(study(), images=count) for _ in range(200)) >= 0.93


@pytest.mark.parametrize("alike", [0.0, 0.8])
@pytest.mark.parametrize(("runs", "other"), [((3, 3), 1.0), ((3, 3), 0.2), ((3, 5), 0.2), ((1, 3), 1.0), ((2, 4), 3.0)])
def test_intervals_over_trainings_hold_together(runs: tuple[int, int], other: float, alike: float) -> None:
    found = map(of_many, studies(150, 23, replicates=100, alike=alike, runs=runs, other=other))
    assert together(found) >= 0.92


def test_one_score_under_two_names_has_one_interval() -> None:
    """Whatever else is compared; and its second name costs nothing."""
    pairs = next(studies(1, 20, replicates=REPLICATES, alike=0.5, runs=(3, 3)))
    assert len(set(of_many({f"again {n}": pairs["3"] for n in range(5)} | pairs).values())) == 20
    assert of_many(pairs | {"again": pairs["3"]})["3"] == of_many(pairs)["3"]


def test_trainings_widen_what_images_leave_open() -> None:
    """An interval of three trainings a side is that of the images and that of the trainings in one, as squares add."""
    one = Runs(np.array([-0.1, 0.0, 0.1]), images(1, runs=3))
    two = Runs(np.array([0.4, 0.5, 0.6]), images(2, runs=3))
    low, high = of_many({"one": (one, two)})["one"]
    alone = of_many({"one": (single(images(1)), single(images(2)))})["one"]
    middle = float(np.median(images(2) - images(1)))
    apart = math.sqrt(2) * 0.1 / math.sqrt(3) * 4.302653  # the table of Student's t, two degrees of freedom
    assert low == pytest.approx(middle - math.hypot(middle - alone.low, apart), abs=1e-6)
    assert high == pytest.approx(middle + math.hypot(alone.high - middle, apart), abs=1e-6)


@pytest.mark.parametrize(
    ("share", "freedom", "bound"),
    [(0.025, 1, 12.7062), (0.025, 2, 4.30265), (0.0005, 4, 8.6103), (0.025, 19, 2.09302), (0.0005, 999, 3.3003)],
)
def test_students_t_is_that_of_the_tables(share: float, freedom: int, bound: float) -> None:
    assert student(share, freedom) == pytest.approx(bound, rel=2e-5)


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3], [np.nan, 0.3, np.nan]])
def test_replicates_that_do_not_vary_have_no_interval(values: list[float]) -> None:
    """One alone, or those of a class that one image has: they would be an interval from a value to itself."""
    assert of_many({"one": (single(np.zeros((1, len(values)))), single(np.array([values])))}) == {}


def test_a_score_that_some_replicates_lack_holds_too() -> None:
    """It counts among those that hold together, and has an interval by Student's t where too few have it."""
    lacking, few = images(2), images(4)
    lacking[0, ::3] = np.nan
    few[0, 20:] = np.nan
    alone = of_many({"one": (ZERO, single(images(1)))})["one"]
    both = of_many({"one": (ZERO, single(images(1))), "two": (ZERO, single(lacking))})
    assert both["one"].low < alone.low < alone.high < both["one"].high
    found = of_many({"one": (ZERO, single(images(1))), "two": (ZERO, single(few))})["two"]
    assert found.low < np.nanmin(few)
    assert found.high > np.nanmax(few)


@pytest.mark.parametrize("runs", [2, 3, 5])
def test_trainings_count_as_much_as_they_differ(runs: int) -> None:
    """The true difference, 0, lies within the interval in 95 of 100 studies, or more: what is assumed is careful."""
    generator, still = np.random.default_rng(7), np.zeros((runs, REPLICATES))
    hits = 0
    for _ in range(400):
        one, two = (Runs(generator.normal(size=runs), still) for _ in range(2))
        centre = two.scores.mean() - one.scores.mean()
        low, high = of_many({"one": (one, two)})["one"]
        hits += low <= -centre <= high
    assert hits / 400 >= 0.93


def test_trainings_that_agree_leave_the_images_alone() -> None:
    one, two = (Runs(np.full(3, 0.5), images(seed, runs=3)) for seed in (1, 2))
    found = of_many({"one": (one, two)})
    assert found == of_many({"one": (single(images(1)), single(images(2)))})


def test_what_is_not_defined_has_no_interval_and_widens_no_other() -> None:
    alone = of_many({"one": (ZERO, single(images(1)))})
    never = single(np.full((1, REPLICATES), np.nan))
    assert of_many({"one": (ZERO, single(images(1))), "two": (ZERO, never)}) == alone
    assert of_many({"two": (ZERO, never)}) == {}
