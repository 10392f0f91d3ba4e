"""Tables of counts, and AUROC, AURC and AUGRC against brute force, oracles and closed forms."""

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hypsegcli.metrics.ranking import BINS, augrc, aurc, auroc, harmonic_difference, risk_coverage, score_table

Table = NDArray[np.int64]

levels_and_wrong = st.lists(st.tuples(st.integers(0, BINS - 1), st.booleans()), max_size=40)
small_tables = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8).map(
    lambda rows: np.array(rows, np.int64)
)


def table_of(pixels: list[tuple[int, bool]], bins: int = BINS) -> Table:
    levels = np.array([level for level, _ in pixels], np.uint16)
    return score_table(levels, np.array([wrong for _, wrong in pixels], bool), bins)


def pixels_of(table: Table) -> list[tuple[int, int]]:
    """(row, 1 where wrong) of every pixel."""
    return [(row, kind) for row, counts in enumerate(table.tolist()) for kind in (0, 1) for _ in range(counts[kind])]


def test_a_table_counts_right_and_wrong_pixels_of_each_level() -> None:
    found = table_of([(0, True), (65535, False), (65535, False), (65535, True), (300, False)])
    assert found.shape == (BINS, 2)
    assert found.dtype == np.int64
    assert found[[0, 300, 65535]].tolist() == [[0, 1], [1, 0], [2, 1]]
    assert found.sum() == 5


@given(levels_and_wrong, levels_and_wrong, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_tables_are_added_and_the_order_of_pixels_does_not_matter(
    one: list[tuple[int, bool]], other: list[tuple[int, bool]], random: Random
) -> None:
    both = one + other
    whole = table_of(both)
    assert np.array_equal(table_of(one) + table_of(other), whole)
    random.shuffle(both)
    assert np.array_equal(table_of(both), whole)
    assert whole[:, 1].sum() == sum(wrong for _, wrong in both)


@pytest.mark.parametrize("bins", [1, 2, 4096, 32768])
def test_a_coarser_table_pools_neighbouring_levels(bins: int) -> None:
    random = np.random.default_rng(3)
    levels = np.r_[0, 65535, random.integers(0, BINS, 3000)].astype(np.uint16)
    wrong = random.random(len(levels)) < 0.3
    fine = score_table(levels, wrong)
    assert np.array_equal(score_table(levels, wrong, bins), fine.reshape(bins, -1, 2).sum(1))


@pytest.mark.parametrize("bins", [0, 3, 100, 2 * BINS])
def test_tables_pool_a_power_of_two_of_levels(bins: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        table_of([(1, True)], bins)


@given(small_tables)
@settings(max_examples=80, deadline=None)
def test_auroc_counts_pairs(table: Table) -> None:
    pixels = pixels_of(table)
    right = [row for row, wrong in pixels if not wrong]
    wrong = [row for row, wrong in pixels if wrong]
    won = [Fraction((w < r) * 2 + (w == r), 2) for w in wrong for r in right]
    expected = float(sum(won) / len(won)) if won else np.nan
    assert float(auroc(table)) == pytest.approx(expected, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize(
    "rows",
    [
        [(1, 0)],
        [(0, 1)],
        [(2, 1)],
        [(1, 2), (2, 1)],
        [(2, 0), (0, 0), (1, 3)],
        [(0, 2), (2, 1), (1, 0)],
        [(1, 1), (1, 1), (1, 1)],
    ],
)
def test_aurc_is_the_mean_over_all_orders_of_ties(rows: list[tuple[int, int]]) -> None:
    table = np.array(rows, np.int64)
    pixels = pixels_of(table)
    areas = []
    for order in permutations(pixels):
        ranked = sorted(order, key=lambda pixel: -pixel[0])  # stable: ties stay in the order of the permutation
        risks = [Fraction(sum(wrong for _, wrong in ranked[:k]), k) for k in range(1, len(ranked) + 1)]
        areas.append(sum(risks) / len(risks))
    assert float(aurc(table)) == pytest.approx(float(sum(areas) / len(areas)), abs=1e-15)


def harmonic(m: int) -> Fraction:
    return sum((Fraction(1, k) for k in range(1, m + 1)), Fraction())


@given(small_tables, st.sampled_from([1, 20, 60]))
@settings(max_examples=40, deadline=None)
def test_aurc_is_the_mean_of_expected_risks(table: Table, scale: int) -> None:
    table = table * scale
    risks, surer, errors = Fraction(), 0, 0
    for right, wrong in table[::-1].tolist():
        for k in range(1, right + wrong + 1):
            risks += (errors + Fraction(k * wrong, right + wrong)) / (surer + k)
        surer, errors = surer + right + wrong, errors + wrong
    expected = float(risks / surer) if surer else np.nan
    assert float(aurc(table)) == pytest.approx(expected, abs=1e-14, nan_ok=True)


@pytest.mark.parametrize("low", [0, 1, 5, 63, 64, 65, 130, 700])
@pytest.mark.parametrize("pixels", [0, 1, 2, 62, 64, 300])
def test_harmonic_differences_are_sums(low: int, pixels: int) -> None:
    expected = float(harmonic(low + pixels) - harmonic(low))
    found = harmonic_difference(np.array(low, float), np.array(low + pixels, float))
    assert float(found) == pytest.approx(expected, rel=1e-13, abs=0)


@pytest.mark.parametrize("low", [0, 10**3, 10**7, 10**11])
@pytest.mark.parametrize("pixels", [1, 10**3, 10**11])
def test_harmonic_differences_of_large_numbers_do_not_cancel(low: int, pixels: int) -> None:
    mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle")
    with mpmath.workdps(50):
        expected = float(mpmath.harmonic(low + pixels) - mpmath.harmonic(low))
    found = harmonic_difference(np.array(low, float), np.array(low + pixels, float))
    assert float(found) == pytest.approx(expected, rel=2e-15, abs=0)


def test_aurc_of_a_linear_law_of_1e11_pixels() -> None:
    mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle")
    rows, times = 64, 25_000_000
    level = np.arange(rows)
    table = np.stack([level, rows - 1 - level], axis=1) * times
    size = (rows - 1) * times
    n, errors = size * rows, size * rows // 2
    with mpmath.workdps(50):
        numbers = [mpmath.harmonic(size * j) for j in range(rows + 1)]
        # In the j-th row from the top j of 63 are wrong, so (E - a r) = -times j (j + 1) / 2.
        area = sum(times * (j - mpmath.mpf(j * (j + 1)) / 2 * (numbers[j + 1] - numbers[j])) for j in range(rows))
        oracle = errors - (n - errors) * (mpmath.harmonic(n) - mpmath.harmonic(n - errors))
        assert float(aurc(table)) == pytest.approx(float(area / n), abs=1e-15)
        assert float(aurc(np.array([[0, errors], [n - errors, 0]]))) == pytest.approx(float(oracle / n), abs=1e-15)


def test_augrc_is_the_area_under_straight_lines() -> None:
    for rows in ([(2, 0), (0, 0), (1, 3)], [(0, 2), (2, 1), (1, 0)], [(5, 5)]):
        table = np.array(rows, np.int64)
        pixels = table.sum()
        coverage = np.r_[0, np.cumsum(table[::-1].sum(1))] / pixels
        assert float(augrc(table)) == pytest.approx(
            np.trapezoid(np.r_[0, np.cumsum(table[::-1, 1])] / pixels, coverage), abs=1e-15
        )


@pytest.mark.parametrize("score", [auroc, aurc, augrc])
def test_leading_axes_hold_one_table_each(score: Callable[[NDArray[Any]], NDArray[np.float64]]) -> None:
    tables = np.random.default_rng(1).integers(0, 5, (2, 3, 16, 2))
    tables[1, 2] = 0
    for stack in (tables, tables.astype(np.float64)):
        found = score(stack)
        assert found.shape == (2, 3)
        assert found.dtype == np.float64
        for place in np.ndindex(2, 3):
            assert score(tables[place]).shape == ()
            assert found[place] == pytest.approx(float(score(tables[place])), abs=1e-15, nan_ok=True)
        assert np.isnan(found).tolist() == [[False] * 3, [False, False, True]]


def test_risk_and_coverage_are_read_where_levels_end() -> None:
    coverage, risk = risk_coverage(np.array([[1, 3], [0, 0], [3, 1], [2, 0]], np.int64))
    assert coverage.tolist() == [0.2, 0.6, 1.0]
    assert risk == pytest.approx([0, 1 / 6, 0.4], abs=1e-15)
    assert [len(part) for part in risk_coverage(np.zeros((4, 2), np.int64))] == [0, 0]
    coverage, _ = risk_coverage(np.ones((50, 2), np.int64), points=5)
    assert coverage.tolist() == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_a_long_curve_is_thinned_evenly_by_coverage() -> None:
    random = np.random.default_rng(2)
    table = np.stack([random.integers(0, 9, 4096), random.integers(0, 3, 4096)], axis=1)
    table[7] = (3000, 200)
    full_coverage, full_risk = risk_coverage(table, points=4096)
    assert len(full_coverage) == (table.sum(1) > 0).sum()
    coverage, risk = risk_coverage(table, points=50)
    assert 40 < len(coverage) <= 50
    assert coverage[-1] == 1.0
    assert risk[-1] == table[:, 1].sum() / table.sum()
    wanted = [full_coverage[np.argmax(full_coverage >= step / 50 - 1e-12)] for step in range(1, 51)]
    assert coverage.tolist() == sorted(set(wanted))
    assert dict(zip(full_coverage, full_risk, strict=True)).items() >= dict(zip(coverage, risk, strict=True)).items()
