"""Tables whose calibration is known."""

from math import isnan, nan

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.metrics.ranking import BINS, score_table
from hypsegcli.metrics.records import ReliabilityRow
from hypsegcli.metrics.reliability import (
    ece_counts,
    ece_from_counts,
    expected_calibration_error,
    reliability,
)

Table = NDArray[np.int64]


def empty(bins: int = BINS) -> Table:
    return np.zeros((bins, 2), np.int64)


def random_table(pixels: int = 4000) -> Table:
    random = np.random.default_rng(5)
    levels = (BINS * random.random(pixels) ** 0.5).astype(np.uint16)
    return score_table(levels, random.random(pixels) < 0.3)


def brute_force(table: Table, bins: int) -> tuple[list[float], list[float], list[int]]:
    """Mean confidence, accuracy and pixels of every bin, one row of the table after the other."""
    members: list[list[tuple[float, float]]] = [[] for _ in range(bins)]
    for value, (right, wrong) in zip(
        np.arange(BINS).reshape(len(table), -1).mean(1) / 65535, table.tolist(), strict=True
    ):
        place = min(int(value * bins + 1e-9), bins - 1)
        members[place] += [(value, 1.0)] * right + [(value, 0.0)] * wrong
    means = [np.mean(pixels, axis=0) if pixels else (np.nan, np.nan) for pixels in members]
    return [float(m[0]) for m in means], [float(m[1]) for m in means], [len(pixels) for pixels in members]


@pytest.mark.parametrize("rows", [BINS, 4096, 8])
@pytest.mark.parametrize("bins", [1, 10, 15])
def test_bars_are_means_over_their_pixels(rows: int, bins: int) -> None:
    table = random_table().reshape(rows, -1, 2).sum(1)
    confidence, accuracy, pixels = brute_force(table, bins)
    found = reliability(table, bins)
    assert [bar.pixels for bar in found] == pixels
    means = [[nan if mean is None else mean for mean in (bar.confidence, bar.accuracy)] for bar in found]
    assert [mean for mean, _ in means] == pytest.approx(confidence, abs=1e-12, nan_ok=True)
    assert [mean for _, mean in means] == pytest.approx(accuracy, abs=1e-12, nan_ok=True)
    assert [bar.lower for bar in found] == [i / bins for i in range(bins)]
    assert [bar.upper for bar in found] == [(i + 1) / bins for i in range(bins)]


@pytest.mark.parametrize("rows", [BINS, 4096, 8])
def test_ece_is_the_gap_of_the_bars_weighted_by_pixels(rows: int) -> None:
    table = random_table().reshape(rows, -1, 2).sum(1)
    confidence, accuracy, pixels = (np.array(part) for part in brute_force(table, 15))
    expected = np.nansum(np.abs(accuracy - confidence) * pixels) / pixels.sum()
    assert expected_calibration_error(table) == pytest.approx(expected, abs=1e-12)


def test_bins_are_closed_below_and_the_last_one_above() -> None:
    table = empty()
    for level in (0, 4368, 4369, 14 * 4369 - 1, 14 * 4369, 65535):  # 65535 / 15 = 4369
        table[level, 0] = 1
    found = reliability(table)
    assert [bar.pixels for bar in found] == [2, 1] + [0] * 11 + [1, 2]
    assert found[0] == ReliabilityRow(lower=0.0, upper=1 / 15, pixels=2, confidence=2184 / 65535, accuracy=1.0)
    assert (found[5].confidence, found[5].accuracy) == (None, None)


def test_counts_of_images_are_added() -> None:
    one, other = random_table(), random_table(900)[::-1].copy()
    counts = ece_counts(one) + ece_counts(other)
    assert counts.dtype == np.int64
    assert np.array_equal(counts, ece_counts(one + other))
    assert counts.sum(0).tolist() == [
        (one + other).sum(),
        (one + other)[:, 0].sum(),
        int(np.arange(BINS) @ (one + other).sum(1)),
    ]
    assert float(ece_from_counts(counts)) == expected_calibration_error(one + other)
    stack = np.stack([ece_counts(one), counts, np.zeros((15, 3), np.int64)])
    for found in (ece_from_counts(stack), ece_from_counts(stack.astype(np.float64))):
        assert found[:2].tolist() == [expected_calibration_error(one), expected_calibration_error(one + other)]
        assert isnan(found[2])


def test_exact_counts_need_every_level() -> None:
    with pytest.raises(ValueError, match="65536 levels"):
        ece_counts(empty(4096))


def test_a_calibrated_confidence_has_no_error() -> None:
    level = np.arange(BINS)
    table = np.stack([level, 65535 - level], axis=1) * 20  # 8.6e10 pixels
    assert expected_calibration_error(table) == 0.0
    assert [bar.accuracy for bar in reliability(table)] == [bar.confidence for bar in reliability(table)]
    # Right by half the confidence only: every bar is off by half its confidence, 1/4 in the mean.
    table = np.stack([level, 2 * 65535 - level], axis=1) * 10
    assert expected_calibration_error(table) == pytest.approx(0.25, abs=1e-15)


def test_a_bin_counts_beyond_single_precision() -> None:
    table = empty()
    table[65535] = (2**24 + 1, 0)
    table[65000] = (2**40, 3)
    top = reliability(table)[-1]
    assert top.pixels == 2**40 + 2**24 + 4
    assert ece_counts(table)[-1].tolist() == [
        2**40 + 2**24 + 4,
        2**40 + 2**24 + 1,
        65535 * (2**24 + 1) + 65000 * (2**40 + 3),
    ]
    table[:] = 0
    table[65535] = (3 * 2**24, 2**24)
    assert expected_calibration_error(table) == 0.25


@pytest.mark.parametrize(("rows", "wrong"), [(BINS, 0), (BINS, 1), (4096, 0), (2, 1)])
def test_one_pixel(rows: int, wrong: int) -> None:
    table = empty(rows)
    table[rows // 2, wrong] = 1
    value = np.arange(BINS).reshape(rows, -1).mean(1)[rows // 2] / 65535
    assert expected_calibration_error(table) == pytest.approx(abs((1 - wrong) - value), abs=1e-15)
    assert isnan(expected_calibration_error(empty(rows)))
