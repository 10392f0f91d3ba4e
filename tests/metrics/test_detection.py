"""All scores of a confidence, against oracles, brute force, identities and closed forms."""

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.records import defined, numbers

from hypsegcli.metrics.detection import measure_report
from hypsegcli.metrics.ranking import BINS, score_table
from hypsegcli.metrics.records import MeasureReport

Table = NDArray[np.int64]

SCORES = ("auroc", "aupr", "fpr95", "aurc", "eaurc", "augrc", "ause", "ause_mass", "ece")
PAVPU = ("value", "threshold", "p_accurate_given_certain", "p_uncertain_given_inaccurate", "mean")

tables = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=8, max_size=8).map(
    lambda rows: np.array(rows, np.int64)
)


def judge(table: Table) -> MeasureReport:
    return measure_report(table, {}, name="measure", title="a measure", full_scale=1.0)


def random_table(ties: int, seed: int = 0) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    levels = random.integers(0, ties, 1500).astype(np.uint16)
    return levels, random.random(1500) < 0.6 - 0.5 * levels / ties


@pytest.mark.parametrize("ties", [2, 30, 50000])
def test_scores_are_those_of_scikit_learn(ties: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    levels, wrong = random_table(ties)
    found = judge(score_table(levels, wrong))
    uncertainty = 1 - levels / 65535
    assert (found.pixels, found.errors) == (1500, wrong.sum())
    assert found.auroc == pytest.approx(metrics.roc_auc_score(wrong, uncertainty), abs=1e-13)
    assert found.aupr == pytest.approx(metrics.average_precision_score(wrong, uncertainty), abs=1e-13)
    false_positives, true_positives, _ = metrics.roc_curve(wrong, uncertainty, drop_intermediate=False)
    assert found.fpr95 == pytest.approx(false_positives[np.argmax(true_positives >= 0.95)], abs=1e-15)


def test_fpr95_flags_whole_levels_and_95_percent_are_enough() -> None:
    table = np.array([[1, 18], [2, 1], [4, 1], [8, 0]], np.int64)
    assert judge(table).fpr95 == 3 / 15  # 19 of 20 errors
    table[0, 1] = 17  # 18 of 19 are 94.7 %
    assert judge(table).fpr95 == 7 / 15


@given(tables)
@settings(max_examples=60, deadline=None)
def test_identities(table: Table) -> None:
    if not table.sum(0).all():
        table[3] += 1
    found = judge(table)
    error = found.errors / found.pixels
    auroc, eaurc = defined(found.auroc), defined(found.eaurc)
    assert found.augrc == pytest.approx((1 - auroc) * (1 - error) * error + error**2 / 2, abs=1e-14)
    assert found.ause_mass == pytest.approx((1 - auroc) * (1 - error), abs=1e-14)
    assert found.ause == pytest.approx(eaurc / error, abs=1e-14)
    assert eaurc > -1e-15
    # Turned round, every pair of a right and a wrong pixel is ordered the other way.
    assert judge(table[::-1].copy()).auroc == pytest.approx(1 - auroc, abs=1e-14)


@given(tables)
@settings(max_examples=30, deadline=None)
def test_sparsification(table: Table) -> None:
    """AUSE from its definition: remove the most uncertain pixels one by one, or those the oracle would."""
    table = table // 4
    if not table[:, 1].any():
        table[2, 1] = 1
    right = [counts[0] for counts in table.tolist()]
    wrong = [counts[1] for counts in table.tolist()]
    errors, pixels = sum(wrong), sum(right) + sum(wrong)

    def remaining(rows: list[tuple[int, int]]) -> list[float]:
        """Expected errors among the k surest, k = 0..n."""
        curve = [0.0]
        for r, w in rows:
            curve += [curve[-1] + w * k / (r + w) for k in range(1, r + w + 1)]
        return curve

    model = remaining(list(zip(right, wrong, strict=True))[::-1])
    oracle = remaining([(sum(right), 0), (0, errors)])
    share = [(m - o) / errors for m, o in zip(model, oracle, strict=True)]
    found = judge(table)
    assert found.ause_mass == pytest.approx(np.trapezoid(share) / pixels, abs=1e-14)
    mean_error = [(m - o) / k / (errors / pixels) for k, (m, o) in enumerate(zip(model, oracle, strict=True)) if k]
    assert found.ause == pytest.approx(np.mean(mean_error), abs=1e-13)
    assert found.aurc == pytest.approx(np.mean([m / k for k, m in enumerate(model) if k]), abs=1e-14)


@given(tables)
@settings(max_examples=40, deadline=None)
def test_pavpu(table: Table) -> None:
    found = judge(table).pavpu
    pixels = table.sum()
    if not pixels:
        assert numbers(found, PAVPU) == pytest.approx([nan] * 5, nan_ok=True)
        return
    shares = [int(table[row:, 0].sum() + table[:row, 1].sum()) for row in range(8)]
    best = shares.index(max(shares))
    certain, wrong = table[best:].sum(), table[:, 1].sum()
    assert found.value == max(shares) / pixels
    assert found.threshold == pytest.approx(best * 8192 / 65535, abs=1e-15)
    assert numbers(found, ["p_accurate_given_certain", "p_uncertain_given_inaccurate"]) == pytest.approx(
        [table[best:, 0].sum() / certain if certain else nan, table[:best, 1].sum() / wrong if wrong else nan],
        abs=1e-15,
        nan_ok=True,
    )
    assert found.mean == pytest.approx(sum(shares) / (8 * pixels), abs=1e-15)


def scores_of(*rows: tuple[int, int, int]) -> MeasureReport:
    """From (level, right, wrong) of every level that has pixels."""
    table = np.zeros((BINS, 2), np.int64)
    for level, right, wrong in rows:
        table[level] = right, wrong
    return judge(table)


def same(found: MeasureReport, pixels: int, errors: int, scores: list[float], pavpu: list[float]) -> bool:
    left = [found.pixels, found.errors, *numbers(found, SCORES), *numbers(found.pavpu, PAVPU)]
    return left == pytest.approx([pixels, errors, *scores, *pavpu], abs=1e-15, nan_ok=True)


def test_no_pixels() -> None:
    assert same(scores_of(), 0, 0, [nan] * 9, [nan] * 5)


def test_no_errors() -> None:
    scores, pavpu = [nan, nan, nan, 0.0, 0.0, 0.0, nan, nan, 0.2], [1.0, 0.0, 1.0, nan, 52429 / 65536]
    assert same(scores_of((52428, 5, 0)), 5, 0, scores, pavpu)


def test_all_errors() -> None:
    scores, pavpu = [nan, 1.0, nan, 1.0, 0.0, 0.5, 0.0, 0.0, 0.8], [1.0, 52429 / 65535, nan, 1.0, 1 - 52429 / 65536]
    assert same(scores_of((52428, 0, 5)), 5, 5, scores, pavpu)


def test_one_pixel() -> None:
    right, wrong = scores_of((65535, 1, 0)), scores_of((65535, 0, 1))
    assert (right.pixels, right.errors, right.aurc, right.augrc, right.ece) == (1, 0, 0.0, 0.0, 0.0)
    assert (wrong.pixels, wrong.errors, wrong.aurc, wrong.augrc, wrong.ece) == (1, 1, 1.0, 0.5, 1.0)
    assert numbers(wrong.pavpu, PAVPU) == [0.0] * 5  # no threshold lies above full confidence


def test_all_tied() -> None:
    found = scores_of((65535, 3, 1))
    assert (found.auroc, found.aupr, found.fpr95, found.ece) == (0.5, 0.25, 1.0, 0.25)
    assert found.aurc == 0.25
    assert found.eaurc == pytest.approx(0.25 - 1 / 16, abs=1e-15)  # the oracle: three risks of 0, one of 1/4
    assert found.augrc == 0.125
    assert found.ause_mass == pytest.approx(3 / 8, abs=1e-15)


def test_the_best_order_has_no_excess() -> None:
    found = scores_of((10, 0, 2), (700, 0, 5), (701, 4, 0), (60000, 9, 0))
    assert (found.auroc, found.aupr, found.fpr95) == (1.0, 1.0, 0.0)
    assert [found.eaurc, found.ause, found.ause_mass] == pytest.approx([0, 0, 0], abs=1e-15)
    assert (found.pavpu.value, found.pavpu.threshold) == (1.0, 701 / 65535)


def test_a_linear_law_of_86_thousand_million_pixels() -> None:
    """Level q is right with probability q / 65535: every score is a sum of powers."""
    L, times = 65535, 20
    level = np.arange(L + 1)
    found = judge(np.stack([level, L - level], axis=1) * times)
    s1, s2 = L * (L + 1) // 2, L * (L + 1) * (2 * L + 1) // 6
    assert (found.pixels, found.errors) == (times * L * (L + 1), times * s1)
    # sum of q (q L - q^2 / 2 + L / 2) pairs won, of s1^2
    assert found.auroc == pytest.approx((2 * L * s2 - s1**2 + L * s1) / (2 * s1**2), abs=1e-14)
    assert found.augrc == pytest.approx((1 - defined(found.auroc)) / 4 + 1 / 8, abs=1e-14)
    assert found.ece == 0.0
    # At most the level m is flagged where sum (L - q), q <= m, is 95 % of s1.
    m = next(m for m in range(40000, L) if 20 * ((m + 1) * L - m * (m + 1) // 2) >= 19 * s1)
    assert found.fpr95 == m * (m + 1) // 2 / s1
    # Flagging rows below t is right for sum (L - q), q < t, and sum q, q >= t: most where q passes L / 2.
    t = (L + 1) // 2
    assert found.pavpu.threshold == t / L
    assert found.pavpu.value == pytest.approx((t * L - t * (t - 1) + s1) / (L * (L + 1)), abs=1e-15)


@given(st.lists(st.tuples(st.integers(0, BINS - 1), st.booleans()), min_size=1, max_size=30), st.integers(0, 30))
@settings(max_examples=20, deadline=None)
def test_any_split_gives_identical_scores(pixels: list[tuple[int, bool]], cut: int) -> None:
    def table(part: list[tuple[int, bool]]) -> Table:
        return score_table(np.array([p[0] for p in part], np.uint16), np.array([p[1] for p in part], bool))

    whole, split = judge(table(pixels)), judge(table(pixels[cut:]) + table(pixels[:cut]))
    assert repr(whole) == repr(split)


def test_a_true_class_has_a_row_of_its_own_scores() -> None:
    table, nothing = score_table(*random_table(30), bins=4096), np.zeros((4096, 2), np.int64)
    whole = measure_report(table, {"car": table, "bus": nothing}, name="norm", title="the norm", full_scale=2.5)
    assert (whole.name, whole.title, whole.full_scale) == ("norm", "the norm", 2.5)
    car, bus = whole.classes
    assert (car.name, car.pixels, car.error_rate) == ("car", 1500, whole.errors / 1500)
    assert (car.auroc, car.aurc, car.ece) == (whole.auroc, whole.aurc, whole.ece)
    assert (bus.name, bus.pixels, bus.error_rate, bus.auroc, bus.aurc, bus.ece) == ("bus", 0, None, None, None, None)
