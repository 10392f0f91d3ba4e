"""Calibration: the curve that made the counts comes back, and it always rises."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hypsegcli.checkpoint.format import MOST_CHARACTERS
from hypsegcli.confidence.calibration import Calibration, fit_calibration, image_counts
from hypsegcli.errors import DataError
from hypsegcli.files.mark import MOST_MARKS, image_mark
from hypsegcli.metrics.reliability import expected_calibration_error

LEVELS = np.arange(65536)


def table_of(probability: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    right = np.rint(probability * pixels).astype(np.int64)
    return np.stack([right, pixels - right], axis=1)


def test_the_curve_behind_the_counts_is_found() -> None:
    truth = 1 / (1 + np.exp(-(LEVELS / 65535 * 7.6 - 3)))
    curve = fit_calibration(table_of(truth, np.full(65536, 1000)), full_scale=7.6, fitted_on="a test")
    found = np.interp(LEVELS / 65535 * 7.6, curve.distances, curve.probabilities)
    assert np.abs(found - truth)[10:].max() < 0.01  # below lies a ten-thousandth of the pixels
    assert 0 == curve.distances[0] < curve.distances[-1] < 7.6


def test_calibrated_levels_are_calibrated() -> None:
    """Whatever the distances say, the curve's own levels have no calibration error left."""
    rng = np.random.default_rng(0)
    pixels = rng.poisson(200 * np.exp(-(((LEVELS - 50_000) / 12_000) ** 2)))
    table = table_of((LEVELS / 65535) ** 3, pixels)
    curve = fit_calibration(table, full_scale=1.0, fitted_on="a test")
    again = np.zeros_like(table)
    np.add.at(
        again, np.rint(np.interp(LEVELS / 65535, curve.distances, curve.probabilities) * 65535).astype(int), table
    )
    assert expected_calibration_error(table) > 0.2
    assert expected_calibration_error(again) < 0.003


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 10_000), st.integers(0, 10_000)), min_size=2, max_size=40)
)
def test_a_curve_always_rises_and_never_is_entirely_sure(rows: list[tuple[int, int, int]]) -> None:
    table = np.zeros((65536, 2), np.int64)
    for level, right, wrong in rows:
        table[level] += right, wrong
    try:
        curve = fit_calibration(table, full_scale=7.6, fitted_on="a test")
    except DataError:
        shares = table.sum(1).reshape(128, -1).sum(1) / max(1, table.sum())
        assert not table.sum(0).all() or (shares >= 1e-4).sum() < 2
        return
    assert all(a < b for a, b in pairwise(curve.distances))
    assert all(a <= b for a, b in pairwise(curve.probabilities))
    assert curve.probabilities[-1] < 1
    assert all(found > 0 for at, found in zip(curve.distances, curve.probabilities, strict=True) if at > 0)
    assert 0 <= curve.distances[0] < curve.distances[-1] <= 7.6


def test_nearer_to_the_origin_than_its_own_world_the_probability_falls_to_nothing() -> None:
    """Within that world the curve is what it would be without."""
    table = np.zeros((65536, 2), np.int64)
    table[30_000:60_000] = 70, 30
    table[50_000:60_000] = 99, 1
    curve = fit_calibration(table, full_scale=65535.0, fitted_on="a test")
    near, own = np.interp([0, 7_500, 15_000], *_points(curve)), np.interp([30_010, 40_000, 55_000], *_points(curve))
    assert near == pytest.approx([0, 0.175, 0.35], abs=0.002)
    assert own == pytest.approx([0.7, 0.7, 0.99], abs=0.002)


def _points(curve: Calibration) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return curve.distances, curve.probabilities


def test_rare_distances_are_joined() -> None:
    table = np.zeros((65536, 2), np.int64)
    table[30_000] = 1, 1  # of two million: too few to tell anything
    table[40_000] = 900_000, 100_000
    table[60_000] = 999_000, 1_000
    curve = fit_calibration(table, full_scale=65535.0, fitted_on="a test")
    assert len(curve.distances) == 3
    assert curve.distances == pytest.approx((0, 40_000, 60_000), abs=0.1)
    assert curve.probabilities == pytest.approx((0, 0.9, 0.999), abs=1e-5)


def test_violators_are_pooled_by_their_weight() -> None:
    table = np.zeros((65536, 2), np.int64)
    table[10_000] = 600, 400
    table[30_000] = 1_000, 2_000  # less often right than the nearer one
    table[60_000] = 900, 100
    curve = fit_calibration(table, full_scale=1.0, fitted_on="a test")
    nothing, one, two, three = curve.probabilities
    assert nothing == 0
    assert one == two == pytest.approx(1_600 / 4_000, abs=1e-3)
    assert three == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("rows", [{5: (10, 0), 60_000: (10, 0)}, {5: (0, 10), 60_000: (0, 10)}, {5: (10, 10)}, {}])
def test_where_nothing_can_be_learned_is_an_error(rows: dict[int, tuple[int, int]]) -> None:
    table = np.zeros((65536, 2), np.int64)
    for level, counts in rows.items():
        table[level] = counts
    with pytest.raises(DataError):
        fit_calibration(table, full_scale=1.0, fitted_on="a test")


@pytest.mark.parametrize(
    ("distances", "probabilities"),
    [
        ((0.0,), (0.5,)),
        ((0.0, 1.0), (0.5,)),
        ((0.0, 0.0), (0.5, 0.6)),
        ((1.0, 0.0), (0.5, 0.6)),
        ((0.0, 1.0), (0.6, 0.5)),
        ((0.0, 1.0), (0.5, 1.1)),
        ((0.0, 1.0), (-0.1, 0.5)),
        ((0.0, float("inf")), (0.5, 0.6)),
        ((0.0, 1.0), (0.5, float("nan"))),
    ],
)
def test_a_calibration_that_does_not_rise_is_refused(
    distances: tuple[float, ...], probabilities: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match=r"calibration|Calibration|rise"):
        Calibration(distances=distances, probabilities=probabilities, fitted_on="")


def test_the_usual_is_the_mean_that_nearly_all_images_reach() -> None:
    truth = LEVELS / 65535
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 65536, (20, 30)).astype(np.uint16) for _ in range(50)]
    images.append(np.full((20, 30), 6000, np.uint16))
    images.append(np.full((20, 30), 3000, np.uint16))
    table = table_of(truth, np.full(65536, 1000))
    counted = [image_counts(levels) for levels in images]
    assert all(counts.sum() == 600 for counts in counted)
    curve = fit_calibration(table, counted, full_scale=7.6, fitted_on="a test")
    means = [np.interp(i / 65535 * 7.6, curve.distances, curve.probabilities).mean() for i in images]
    assert curve.usual == pytest.approx(np.quantile(means, 0.02), abs=2e-3)
    assert sum(mean < curve.usual for mean in means) == 2
    assert fit_calibration(table, full_scale=7.6, fitted_on="a test").usual is None


def test_it_keeps_the_marks_of_its_images_but_not_more_than_a_header_should_hold() -> None:
    table = table_of(np.linspace(0.1, 0.9, 65536), np.full(65536, 1000))
    marks = [image_mark(hashlib.sha256(str(number).encode()).hexdigest()) for number in range(MOST_MARKS + 5)]
    curve = fit_calibration(table, full_scale=7.6, fitted_on="a test", marks=[*marks, marks[0]])
    assert curve.images == tuple(sorted(marks)[:MOST_MARKS])
    assert len(curve.model_dump_json()) < MOST_CHARACTERS / 4
    assert Calibration.model_validate_json(curve.model_dump_json()) == curve
    assert fit_calibration(table, full_scale=7.6, fitted_on="a test").images == ()


@pytest.mark.parametrize("images", [("0123",), ("0123456789ABCDEF",), ("0" * 16,) * (MOST_MARKS + 1)])
def test_marks_that_are_none_are_refused(images: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="images"):
        Calibration(distances=(0.0, 1.0), probabilities=(0.0, 1.0), fitted_on="", images=images)
