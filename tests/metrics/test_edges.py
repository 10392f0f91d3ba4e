"""Boundaries against literal definitions, and drawings whose scores are known."""

import math
from dataclasses import astuple

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.records import defined

from hypsegcli.confidence.boundary import boundary_map
from hypsegcli.confidence.planes import Plane
from hypsegcli.metrics.classes import iou_from_counts
from hypsegcli.metrics.edges import (
    BoundaryCounts,
    count_boundaries,
    count_ridges,
    dilate_by_disk,
    f_from_counts,
    ridge_curve,
    thin_ridges,
    tolerance_pixels,
)

Labels = NDArray[np.uint8]
C = 3
NAN = float("nan")


def same(found: BoundaryCounts, wanted: BoundaryCounts) -> None:
    for one, other in zip(astuple(found), astuple(wanted), strict=True):
        np.testing.assert_array_equal(one, other)


def boundary_iou(counts: BoundaryCounts) -> NDArray[np.float64]:
    return iou_from_counts(*counts.bands)


def boundary_f(counts: BoundaryCounts) -> tuple[float, ...]:
    return tuple(float(value) for value in f_from_counts(*counts.edges))


def square(height: int = 24, width: int = 30, label: int = 1, left: int = 8) -> Labels:
    labels = np.zeros((height, width), np.uint8)
    labels[8:16, left : left + 10] = label
    return labels


# The definitions, one pixel and one class at a time.


def band(mask: NDArray[np.bool_], tolerance: int) -> NDArray[np.bool_]:
    """boundary-iou-api's mask_to_boundary."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=tolerance)
    return mask & np.equal(eroded[1:-1, 1:-1], 0)


def edge_pixels(labels: Labels, void: int | None = None) -> list[tuple[int, int]]:
    found = []
    for y, x in np.ndindex(labels.shape):
        for v, u in ((y, x + 1), (y + 1, x)):
            if v < labels.shape[0] and u < labels.shape[1]:
                pair = {int(labels[y, x]), int(labels[v, u])}
                if len(pair) == 2 and void not in pair and (y, x) not in found:
                    found.append((y, x))
    return found


def within(pixel: tuple[int, int], others: list[tuple[int, int]], tolerance: int) -> bool:
    return any((pixel[0] - y) ** 2 + (pixel[1] - x) ** 2 <= tolerance**2 for y, x in others)


def literal(truth: Labels, predicted: Labels, tolerance: int) -> BoundaryCounts:
    bands = []
    near_void = cv2.dilate((truth == C).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=tolerance)
    known = near_void == 0
    for label in range(C):
        t, p = (band(labels == label, tolerance) & known for labels in (truth, predicted))
        bands.append(((t & p).sum(), t.sum(), p.sum()))
    void = [(int(y), int(x)) for y, x in np.argwhere(truth == C)]
    edges, found = edge_pixels(truth, void=C), edge_pixels(predicted)
    judged = [[pixel for pixel in side if not within(pixel, void, tolerance)] for side in (found, edges)]
    matched = [
        sum(within(pixel, other, tolerance) for pixel in side)
        for side, other in zip(judged, (edges, found), strict=True)
    ]
    return BoundaryCounts(np.array(bands).T, np.array([len(judged[0]), matched[0], len(judged[1]), matched[1]]))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Labels, Labels]:
    """Patchy maps: some pixels differ from a coarse map, and there may be void in either."""
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth, predicted = (
        np.kron(rng.integers(0, C, (5, 5)), np.ones((3, 3)))[:height, :width].astype(np.uint8) for _ in range(2)
    )
    predicted = np.where(rng.random((height, width)) < draw(st.sampled_from([0.0, 0.6, 1.0])), truth, predicted)
    for labels in (truth, predicted):
        labels[rng.random((height, width)) < draw(st.sampled_from([0.0, 0.03]))] = C
    return truth, predicted


@settings(max_examples=120, deadline=None)
@given(pair=pairs(), tolerance=st.integers(1, 5), wide=st.tuples(st.booleans(), st.booleans()))
def test_counts_are_the_literal_definitions(
    pair: tuple[Labels, Labels], tolerance: int, wide: tuple[bool, bool]
) -> None:
    truth, predicted = (labels.astype(np.uint16) if w else labels for labels, w in zip(pair, wide, strict=True))
    same(count_boundaries(truth, predicted, classes=C, tolerance=tolerance), literal(*pair, tolerance))


def test_counts_of_more_than_256_classes() -> None:
    small, wide = square(), square().astype(np.uint16) * 299
    found, wanted = (
        count_boundaries(m, np.roll(m, 1, 1), classes=classes, tolerance=2) for m, classes in ((wide, 300), (small, 2))
    )
    assert found.bands.shape == (3, 300)
    np.testing.assert_array_equal(found.bands[:, [0, 299]], wanted.bands)
    np.testing.assert_array_equal(found.edges, wanted.edges)
    assert found.bands.dtype == found.edges.dtype == np.int64


def test_the_band_of_a_square() -> None:
    """A 10 x 8 square with the band 2 wide leaves 6 x 4 inside; its surroundings have a band at the edge as well."""
    counts = count_boundaries(square(), square(), classes=C, tolerance=2)
    outside = 24 * 30 - 20 * 26 + 14 * 12 - 10 * 8
    np.testing.assert_array_equal(counts.bands[1], [outside, 10 * 8 - 6 * 4, 0])
    np.testing.assert_array_equal(boundary_iou(counts), [1.0, 1.0, NAN])


def test_a_square_that_moved_by_one() -> None:
    counts = count_boundaries(square(), square(left=9), classes=C, tolerance=1)
    # Rings of 32 pixels each share the top and bottom rows but for one pixel at each end; their sides part.
    assert counts.bands[0, 1] == 2 * 9
    assert boundary_iou(counts)[1] == 18 / (32 + 32 - 18)


@pytest.mark.parametrize("shift", [1, 2, 3, 5])
def test_a_shift_is_forgiven_up_to_the_tolerance(shift: int) -> None:
    truth = np.zeros((20, 40), np.uint8)
    truth[:, 15:] = 1
    predicted = np.roll(truth, shift, 1)
    predicted[:, :shift] = 0
    for tolerance in range(1, 7):
        for turned in (truth, predicted), (truth.T, predicted.T), (truth[:, ::-1], predicted[:, ::-1]):
            wanted = 1.0 if tolerance >= shift else 0.0
            found = count_boundaries(*map(np.ascontiguousarray, turned), classes=2, tolerance=tolerance)
            assert boundary_f(found) == (wanted, wanted, wanted)


def test_precision_and_recall_tell_sides_apart() -> None:
    truth, predicted = np.zeros((2, 20, 40), np.uint8)
    truth[:, 20:] = 1
    predicted[:, 20:] = 1
    predicted[:, 30:] = 2
    for one, other, sides in (truth, predicted, (0.5, 1.0)), (predicted, truth, (1.0, 0.5)):
        *found, f = boundary_f(count_boundaries(one, other, classes=C, tolerance=2))
        assert tuple(found) == sides
        assert f == pytest.approx(2 / 3)


def test_a_diagonal_shift_is_measured_in_euclidean_distance() -> None:
    truth, predicted = np.zeros((2, 30, 30), np.uint8)
    truth[10, 10] = predicted[13, 14] = 1  # all edge pixels move by (3, 4)
    for tolerance, wanted in ((4, 0.0), (5, 1.0)):
        assert boundary_f(count_boundaries(truth, predicted, classes=2, tolerance=tolerance))[2] == wanted


def test_nothing_is_judged_next_to_void() -> None:
    truth = np.zeros((30, 40), np.uint8)
    truth[:, 19:22] = C
    truth[:, 22:] = 1
    predicted = np.zeros_like(truth)
    predicted[:, 21:] = 1
    for guess in (predicted, np.zeros_like(truth)):
        counts = count_boundaries(truth, guess, classes=C, tolerance=3)
        assert not counts.edges.any()
        assert all(math.isnan(value) for value in boundary_f(counts))
    # Nor in the bands: 3 pixels from the strip nothing but the picture's edge is near.
    np.testing.assert_array_equal(
        count_boundaries(truth, truth, classes=C, tolerance=3).bands[1],
        [30 * 16 - 24 * 13, 30 * 15 - 24 * 12, 0],
    )


def test_a_perfect_answer_reaches_1_whatever_is_void() -> None:
    rng = np.random.default_rng(4)
    full = np.kron(rng.integers(0, C, (6, 7)), np.ones((9, 9))).astype(np.uint8)
    truth = full.copy()
    truth[rng.random(full.shape) < 0.002] = C
    truth[20:23] = C
    counts = count_boundaries(truth, full, classes=C, tolerance=2)
    assert boundary_iou(counts).tolist() == [1.0] * C
    assert boundary_f(counts) == (1.0, 1.0, 1.0)
    assert counts.bands.sum(1).min() > 500


@pytest.mark.parametrize("radius", [7, 11, 40])
def test_a_large_disk_row_by_row_is_the_disk(radius: int) -> None:
    plane = np.zeros((30, 45), np.uint8)
    rng = np.random.default_rng(radius)
    plane[rng.integers(0, 30, 5), rng.integers(0, 45, 5)] = rng.integers(1, 255, 5)
    wanted = np.zeros_like(plane)
    for y, x in np.argwhere(plane):
        rows, columns = np.ogrid[:30, :45]
        disk = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        wanted[disk] = np.maximum(wanted[disk], plane[y, x])
    np.testing.assert_array_equal(dilate_by_disk(plane, radius), wanted)


def test_edges_next_to_void_are_partners() -> None:
    truth = np.zeros((30, 40), np.uint8)
    truth[15:] = 1
    truth[:, 20] = C  # the edge in row 14 is judged where it is 3 pixels or more from column 20
    predicted = np.where(truth == C, 0, truth).astype(np.uint8)
    predicted[:15, 18:23] = 1  # and bends upwards before it
    counts = count_boundaries(truth, predicted, classes=C, tolerance=2)
    assert counts.edges[2] == counts.edges[3] == 40 - 5
    predicted = np.zeros_like(truth)
    predicted[15:, 18:] = 1  # here the prediction near void is the only partner of column 17
    assert count_boundaries(truth[:, :24], predicted[:, :24], classes=C, tolerance=2).edges[3] == 3


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (20, 30)])
def test_an_image_of_one_class_has_no_edges(size: tuple[int, int]) -> None:
    one = np.ones(size, np.uint8)
    counts = count_boundaries(one, one, classes=C, tolerance=2)
    assert all(math.isnan(value) for value in boundary_f(counts))
    np.testing.assert_array_equal(boundary_iou(counts), [NAN, 1.0, NAN])


def test_an_image_of_void_counts_nothing() -> None:
    counts = count_boundaries(np.full((9, 9), C, np.uint8), square()[:9, :9], classes=C, tolerance=2)
    assert not any(np.any(value) for value in astuple(counts))


def test_ratios() -> None:
    p, r, f = f_from_counts(*np.array([[0, 4, 0, 4, 8], [0, 0, 0, 0, 6], [0, 0, 5, 5, 4], [0, 0, 0, 0, 1]]))
    np.testing.assert_array_equal(p, [NAN, 0, NAN, 0, 0.75])
    np.testing.assert_array_equal(r, [NAN, NAN, 0, 0, 0.25])
    np.testing.assert_array_equal(f, [NAN, 0, 0, 0, 0.375])
    wide = np.arange(24).reshape(2, 3, 4) + 1  # leading axes are free
    np.testing.assert_array_equal(f_from_counts(4 * wide, wide, 2 * wide, wide)[2], np.full((2, 3, 4), 1 / 3))


@pytest.mark.parametrize(
    ("tolerance", "share", "wanted"),
    [(3, False, 3), (2.6, False, 3), (0.2, False, 1), (0.01, True, 5), (1e-4, True, 1)],
)
def test_tolerance(tolerance: float, share: bool, wanted: int) -> None:
    found = tolerance_pixels(tolerance, share=share, height=300, width=400)
    assert found == wanted
    assert isinstance(found, int)


def test_the_usual_tolerance_of_cityscapes() -> None:
    assert tolerance_pixels(0.005, share=True, height=1024, width=2048) == 11


# Ridges.


def valley(width: int, height: int = 60, strength: int = 255) -> Labels:
    plane = np.zeros((height, 80), np.uint8)
    plane[:, 30 : 30 + width] = strength
    return plane


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 13, 20, 31, 32])
def test_a_plateau_is_thinned_to_its_middle(width: int, turn: int) -> None:
    thin = np.rot90(thin_ridges(np.ascontiguousarray(np.rot90(valley(width, strength=99), turn))), -turn)
    wanted = np.zeros_like(thin)
    wanted[:, 30 + (width - 1) // 2 : 30 + width // 2 + 1] = 99  # one pixel if odd, two if even
    np.testing.assert_array_equal(thin, wanted)


@pytest.mark.parametrize("turn", range(4))
def test_the_crest_of_a_lopsided_ridge_is_its_highest_pixel(turn: int) -> None:
    plane = np.zeros((20, 30), np.uint8)
    plane[:, 10:14] = 10, 200, 150, 20
    thin = np.rot90(thin_ridges(np.ascontiguousarray(np.rot90(plane, turn))), -turn)
    np.testing.assert_array_equal(thin, np.where(plane == 200, plane, 0))


def test_wide_areas_and_flat_planes_have_no_crest() -> None:
    for plane in (valley(40), np.full((40, 50), 255, np.uint8), np.full((1, 1), 9, np.uint8)):
        assert not thin_ridges(plane).any()


@pytest.mark.parametrize("slope", [1.0, 0.5, -0.7])
def test_a_slanted_ridge_is_thin_and_whole(slope: float) -> None:
    y, x = np.mgrid[:60, :80].astype(np.float32)
    away = np.abs(x - 40 - slope * (y - 30)) / math.hypot(1, slope)
    thin = thin_ridges(np.clip(300 - 30 * away, 0, 255).astype(np.uint8))
    inner = np.s_[4:-4, 4:-4]
    assert (away[inner][thin[inner] > 0] <= 1.5).all()
    steps = (thin > 0)[4:-4].sum(axis=1)
    assert steps.min() >= 1
    assert steps.max() <= 3


def test_bumps_along_a_ridge_grow_no_spurs() -> None:
    y, x = np.mgrid[:90, :60].astype(np.float32)
    plane = (200 + 40 * np.sin(y / 4)) * np.exp(-(((x - 30) / 6) ** 2))
    columns = np.flatnonzero(thin_ridges(plane.astype(np.uint8))[5:-5, 12:48].any(axis=0)) + 12
    assert columns.min() >= 29
    assert columns.max() <= 31


def test_a_thin_ridge_keeps_its_strength_and_the_plane_is_left_alone() -> None:
    plane = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)
    before = plane.copy()
    thin = thin_ridges(plane)
    np.testing.assert_array_equal(plane, before)
    assert thin.any()
    assert ((thin == plane) | (thin == 0)).all()


@settings(max_examples=60, deadline=None)
@given(pair=pairs(), tolerance=st.integers(1, 4), seed=st.integers(0, 99))
def test_ridge_counts_are_the_literal_definition(pair: tuple[Labels, Labels], tolerance: int, seed: int) -> None:
    truth = pair[0]
    strength = np.random.default_rng(seed).integers(0, 256, truth.shape, np.uint8)
    wanted = np.zeros((3, 256), np.int64)
    void = [(int(y), int(x)) for y, x in np.argwhere(truth == C)]
    edges = edge_pixels(truth, void=C)
    ridges = {(int(y), int(x)): int(s) for (y, x), s in np.ndenumerate(thin_ridges(strength)) if s}
    for pixel, value in ridges.items():
        if not within(pixel, void, tolerance):
            wanted[0 if within(pixel, edges, tolerance) else 1, value] += 1
    for pixel in edges:
        if not within(pixel, void, tolerance):
            wanted[2, max((s for at, s in ridges.items() if within(pixel, [at], tolerance)), default=0)] += 1
    found = count_ridges(strength, truth, classes=C, tolerance=tolerance)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)


def test_the_curve_is_the_cut_at_every_threshold() -> None:
    counts = np.random.default_rng(3).integers(0, 9, (3, 256))
    counts[:2, 0] = 0
    counts[:, 200:] = 0
    curve = ridge_curve(counts)
    np.testing.assert_array_equal(curve.thresholds, np.arange(1, 256))
    for k, threshold in enumerate(curve.thresholds):
        near, far, matched = counts[:, threshold:].sum(axis=1)
        wanted = f_from_counts(near + far, near, counts[2].sum(), matched)
        np.testing.assert_array_equal(np.array((curve.precision[k], curve.recall[k], curve.f[k]), float), wanted)
    assert curve.best_f == np.nanmax(np.array(curve.f, float))
    assert curve.best_threshold is not None
    assert curve.f[curve.best_threshold - 1] == curve.best_f


def test_the_curve_of_nothing() -> None:
    curve = ridge_curve(np.zeros((3, 256), np.int64))
    assert (curve.best_f, curve.best_threshold) == (None, None)
    missed = np.zeros((3, 256), np.int64)
    missed[2, 0] = 5
    assert ridge_curve(missed).best_f == 0
    assert ridge_curve(missed).precision == [None] * 255


def test_a_boundary_map_of_the_right_confidence_scores_full() -> None:
    truth = np.zeros((70, 90), np.uint8)
    truth[:, 40:] = 1
    truth[35:, 40:] = 2
    confidence = np.full(truth.shape, 0.8, np.float32)
    confidence[:, 36:44] = 0.3
    confidence[31:39, 40:] = 0.5
    curve = ridge_curve(count_ridges(boundary_map(Plane(confidence, "distance", 1.0)), truth, classes=C, tolerance=3))
    assert defined(curve.best_f) > 0.97
    assert defined(curve.recall[-1]) < 0.7 < defined(curve.recall[0])  # the weaker boundary goes first
    shifted = np.roll(confidence, 8, 1)
    counts = count_ridges(boundary_map(Plane(shifted, "distance", 1.0)), truth, classes=C, tolerance=3)
    assert defined(ridge_curve(counts).best_f) < 0.8
