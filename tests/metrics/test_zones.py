"""Distances, correlation and zones against brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hypsegcli.metrics.zones import ZONES, count_zones, distance_to_other_class, pearson

Labels = NDArray[np.uint8]
C = 4


def literal(truth: Labels) -> NDArray[np.float64]:
    wanted = np.full(truth.shape, np.nan)
    labelled = np.argwhere(truth != C)
    for at in labelled:
        others = [other for other in labelled if truth[tuple(other)] != truth[tuple(at)]]
        wanted[tuple(at)] = min((math.dist(at, other) for other in others), default=math.inf)
    return wanted


@st.composite
def truths(draw: st.DrawFn) -> Labels:
    """Blobs on a ground, so that bounding boxes are smaller than the image, with void between them or not."""
    height, width = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.full((height, width), draw(st.sampled_from([0, C])), np.uint8)
    for label in rng.permutation(C + 1)[: draw(st.integers(0, C + 1))]:
        y, x = rng.integers(0, (height, width))
        truth[y : y + rng.integers(1, 6), x : x + rng.integers(1, 6)] = label
    return truth


@settings(max_examples=150, deadline=None)
@given(truth=truths(), wide=st.booleans())
def test_distance_is_exact(truth: Labels, wide: bool) -> None:
    found = distance_to_other_class(truth.astype(np.uint16) if wide else truth, C)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, literal(truth).astype(np.float32))


def test_distance_of_noise() -> None:
    truth = np.random.default_rng(0).integers(0, C + 1, (12, 13), np.uint8)
    np.testing.assert_array_equal(distance_to_other_class(truth, C), literal(truth).astype(np.float32))


def test_distance_is_exact_far_away() -> None:
    truth = np.zeros((300, 400), np.uint8)
    truth[299, 399] = 2
    y, x = np.mgrid[:300, :400]
    wanted = np.sqrt((299.0 - y) ** 2 + (399.0 - x) ** 2)
    wanted[299, 399] = 1
    np.testing.assert_array_equal(distance_to_other_class(truth, C), wanted.astype(np.float32))


@pytest.mark.parametrize("hole", [(4, 5), (0, 0), (8, 9)])
def test_distance_looks_past_void(hole: tuple[int, int]) -> None:
    """A class framed by void: its nearest other class lies outside its bounding box and the frame around it."""
    truth = np.full((9, 10), C, np.uint8)
    truth[hole] = 1
    truth[0, 9] = 3
    found = distance_to_other_class(truth, C)
    assert found[hole] == np.float32(math.hypot(hole[0], 9 - hole[1]))
    assert np.isnan(found).sum() == 9 * 10 - 2


def test_more_than_256_classes() -> None:
    truth = np.full((5, 20), 300, np.uint16)
    truth[:, 4:] = 0
    truth[0, 0] = 301  # void
    found = distance_to_other_class(truth, 301)
    np.testing.assert_array_equal(found[1], [4, 3, 2, 1, *range(1, 17)])
    assert np.isnan(found[0, 0])


@pytest.mark.parametrize("value", [0, C - 1])
def test_one_class_is_infinitely_far_from_others(value: int) -> None:
    truth = np.full((6, 7), value, np.uint8)
    truth[2] = C
    found = distance_to_other_class(truth, C)
    assert np.isinf(np.delete(found, 2, axis=0)).all()
    assert np.isnan(found[2]).all()
    assert np.isnan(distance_to_other_class(np.full((6, 7), C, np.uint8), C)).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(3, 400), slope=st.floats(-2, 2))
def test_pearson_is_numpys(seed: int, size: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    distance = (100 * rng.random(size)).astype(np.float32)
    levels = (30000 + 100 * slope * distance + rng.uniform(-999, 999, size)).astype(np.uint16)
    assert pearson(levels, distance) == pytest.approx(np.corrcoef(levels, distance)[0, 1], abs=1e-9)


def test_pearson_knows_its_ends() -> None:
    levels = np.arange(50, dtype=np.uint16) * 1300
    distance = np.arange(50, dtype=np.float32)
    assert pearson(levels, distance) == pytest.approx(1.0)
    assert pearson(levels, -distance) == pytest.approx(-1.0)
    # Rounding takes this one past 1 unless it is cut.
    distance = np.array([66, 47, 197, 36, 64, 128, 157, 128, 174], np.float32)
    assert pearson((15 * distance).astype(np.uint16), distance) == 1.0


def test_pearson_leaves_out_what_is_not_finite() -> None:
    rng = np.random.default_rng(0)
    levels, distance = rng.integers(0, 65536, 40, np.uint16), rng.random(40, np.float32)
    wanted = pearson(levels[4:], distance[4:])
    distance[:4] = [np.nan, np.inf, np.nan, np.inf]
    assert pearson(levels, distance) == wanted


@pytest.mark.parametrize("size", [0, 1, 3, 1001])
def test_pearson_of_a_constant_is_undefined(size: int) -> None:
    flat, rising = np.full(size, 0.1, np.float32), np.arange(size, dtype=np.float32)
    assert math.isnan(pearson(np.full(size, 40001, np.uint16), rising))
    assert math.isnan(pearson(np.arange(size, dtype=np.uint16), flat))
    assert math.isnan(pearson(np.arange(size, dtype=np.uint16), np.full(size, np.inf, np.float32)))


@settings(max_examples=80, deadline=None)
@given(
    truth=truths(), seed=st.integers(0, 99), background=st.sampled_from([None, 0, 2]), reach=st.sampled_from([1, 2.5])
)
def test_zones_are_the_literal_definition(truth: Labels, seed: int, background: int | None, reach: float) -> None:
    rng = np.random.default_rng(seed)
    levels, wrong = rng.integers(0, 65536, truth.shape, np.uint16), rng.random(truth.shape) < 0.5
    distance = distance_to_other_class(truth, C)
    wanted = np.zeros((3, 3), np.int64)
    for at in zip(*np.nonzero(truth != C), strict=True):
        far = "background" if truth[at] == background else "interior"
        zone = "boundary" if distance[at] <= reach else far
        wanted[ZONES.index(zone)] += (1, int(wrong[at]), int(levels[at]))
    found = count_zones(levels, wrong, distance, truth, background=background, reach=reach)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)


def test_the_papers_zones() -> None:
    """A 40 x 40 square in the middle of 100 x 100: ten pixels to either side of its outline are boundary."""
    truth = np.zeros((100, 100), np.uint8)
    truth[30:70, 30:70] = 1
    distance = distance_to_other_class(truth, C)
    levels, wrong = np.full(truth.shape, 65535, np.uint16), truth == 1
    boundary, interior, background = count_zones(levels, wrong, distance, truth, background=0)
    assert tuple(interior) == (20 * 20, 20 * 20, 20 * 20 * 65535)
    assert boundary[1] == 40 * 40 - 20 * 20
    # Outside, the corners are quarter disks: the square's corner pixel is in reach up to 10 pixels.
    corner = sum(x * x + y * y <= 100 for x in range(1, 11) for y in range(1, 11))
    assert boundary[0] - boundary[1] == 4 * 10 * 40 + 4 * corner
    assert boundary[0] + interior[0] + background[0] == 100 * 100
    assert background[1] == 0
    merged = count_zones(levels, wrong, distance, truth, background=None)
    np.testing.assert_array_equal(merged, [boundary, interior + background, [0, 0, 0]])


def test_zones_of_one_class() -> None:
    truth = np.zeros((4, 5), np.uint8)
    levels, wrong = np.ones(truth.shape, np.uint16), np.zeros(truth.shape, np.bool_)
    distance = distance_to_other_class(truth, C)
    for background, row in ((None, 1), (1, 1), (0, 2)):
        found = count_zones(levels, wrong, distance, truth, background=background)
        assert tuple(found[row]) == (20, 0, 20)
        assert found.sum() == 40
