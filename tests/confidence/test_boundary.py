"""Planes whose boundary map is known."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hypsegcli.confidence.boundary import RADIUS, round_kernel
from hypsegcli.confidence.boundary import boundary_map as boundary_map_of
from hypsegcli.confidence.planes import Plane

NARROW = 2 * RADIUS  # the widest valley that the disk fills


def smoothed_boundary_map(values: NDArray[np.float32], *, full_scale: float) -> NDArray[np.uint8]:
    return boundary_map_of(Plane(values, "distance", full_scale))


def boundary_map(values: NDArray[np.float32], *, full_scale: float) -> NDArray[np.uint8]:
    """Without smoothing, so that exact values are known."""
    return boundary_map_of(Plane(values, "distance", full_scale), smoothing=0.0)


def flat(value: float = 0.8, height: int = 60, width: int = 70) -> NDArray[np.float32]:
    return np.full((height, width), value, np.float32)


def strength(bank: float, floor: float) -> int:
    """What the docstring says, of one valley."""
    return min(255, round(255 * 2 * (bank - floor) / max(bank, 0.25)))


@pytest.mark.parametrize("value", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("size", [(60, 70), (1, 1), (1, 50), (50, 1)])
def test_constant_planes_have_no_boundary(value: float, size: tuple[int, int]) -> None:
    found = boundary_map(flat(value, *size), full_scale=1.0)
    assert found.dtype == np.uint8
    assert found.shape == size
    assert not found.any()


@pytest.mark.parametrize("width", [1, 2, 8, NARROW])
@pytest.mark.parametrize(("bank", "floor"), [(0.8, 0.4), (0.8, 0.0), (1.0, 0.9), (0.2, 0.1)])
@pytest.mark.parametrize("transpose", [False, True])
def test_a_narrow_valley_is_as_strong_as_it_is_deep(width: int, bank: float, floor: float, transpose: bool) -> None:
    plane = flat(bank, 70, 70)
    plane[:, 25 : 25 + width] = floor
    found = boundary_map(plane.T if transpose else plane, full_scale=1.0)
    found = found.T if transpose else found
    assert (found[:, 25 : 25 + width] == strength(bank, floor)).all()
    assert not found[:, :25].any()
    assert not found[:, 25 + width :].any()


def test_the_lower_bank_counts() -> None:
    plane = flat(0.9)
    plane[:, 30:] = 0.5
    plane[:, 28:33] = 0.2
    found = boundary_map(plane, full_scale=1.0)
    assert (found[:, 28:33] == strength(0.5, 0.2)).all()
    assert found.astype(bool).sum() == 5 * len(plane)


def test_a_step_is_no_boundary() -> None:
    plane = flat(0.9)
    plane[:, 30:] = 0.3
    assert not boundary_map(plane, full_scale=1.0).any()
    ramp = np.linspace(0, 1, 70, dtype=np.float32)[None].repeat(60, 0)
    for turned in (ramp, ramp[:, ::-1], ramp.T, ramp.T[::-1]):
        assert not boundary_map(np.ascontiguousarray(turned), full_scale=1.0).any()


def test_the_inside_of_a_wide_basin_is_no_boundary() -> None:
    plane = flat(0.9, 120, 120)
    plane[30:90, 30:90] = 0.3
    found = boundary_map(plane, full_scale=1.0)
    assert not found[60 - RADIUS : 60 + RADIUS, 60 - RADIUS : 60 + RADIUS].any()
    # The disk does not reach into the corners; nothing else is marked.
    assert (found > 0).sum() < 4 * RADIUS**2
    plane = flat(0.9, 60, 120)
    plane[:, 50 : 50 + NARROW + 3] = 0.3
    assert not boundary_map(plane, full_scale=1.0).any()


def test_a_spot_is_filled_too() -> None:
    plane = flat(0.8)
    plane[30, 30] = 0.4
    assert boundary_map(plane, full_scale=1.0)[30, 30] == strength(0.8, 0.4)


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(0.01, 50), seed=st.integers(0, 99))
def test_only_the_share_of_full_scale_counts(scale: float, seed: int) -> None:
    plane = np.random.default_rng(seed).random((12, 15), np.float32)
    found = boundary_map(plane * np.float32(scale), full_scale=scale).astype(int)
    assert np.abs(found - boundary_map(plane, full_scale=1.0)).max() <= 1


def test_values_outside_the_scale_are_cut() -> None:
    plane = flat(5.0)
    plane[:, 30:34] = -3.0
    cut = np.clip(plane, 0, 1)
    np.testing.assert_array_equal(boundary_map(plane, full_scale=1.0), boundary_map(cut, full_scale=1.0))
    assert boundary_map(plane, full_scale=1.0).max() == 255
    plane[:, 30:34] = 2.0
    assert not boundary_map(plane, full_scale=1.0).any()


def test_a_deeper_valley_is_stronger() -> None:
    found = []
    for floor in np.linspace(0.79, 0.41, 12):
        plane = flat(0.8)
        plane[:, 30:34] = floor
        found.append(int(boundary_map(plane, full_scale=1.0)[20, 32]))
    assert found == sorted(set(found))


def test_doubtful_banks_are_compared_like_sure_ones() -> None:
    plane = flat(0.8)
    plane[:, 30:34] = 0.4
    np.testing.assert_array_equal(
        boundary_map(plane / np.float32(2), full_scale=1.0), boundary_map(plane, full_scale=1.0)
    )


def test_between_regions_of_which_nothing_is_known_there_is_hardly_a_boundary() -> None:
    """As in a photograph of another world, where a dip to half would else be as strong as any."""
    plane = flat(0.05)
    plane[:, 30:34] = 0.025
    assert boundary_map(plane, full_scale=1.0).max() == round(255 * 2 * 0.025 / 0.25)


@pytest.mark.parametrize("turn", range(4))
def test_the_pictures_edge_is_no_bank(turn: int) -> None:
    """What falls towards an edge has one bank only; what runs out of the picture keeps both."""
    falling = flat(0.8)
    falling[:, :6] = np.linspace(0.1, 0.7, 6, dtype=np.float32)
    assert not boundary_map(np.ascontiguousarray(np.rot90(falling, turn)), full_scale=1.0).any()

    leaving = flat(0.8)
    leaving[:, 30:34] = 0.4
    found = np.rot90(boundary_map(np.ascontiguousarray(np.rot90(leaving, turn)), full_scale=1.0), -turn)
    assert (found[[0, -1], 30:34] == strength(0.8, 0.4)).all()


def test_the_plane_is_left_alone() -> None:
    plane = np.random.default_rng(0).random((20, 20), np.float32)
    before = plane.copy()
    boundary_map(plane, full_scale=0.5)
    np.testing.assert_array_equal(plane, before)


@pytest.mark.parametrize("size", [(60, 70), (1, 1), (1, 50), (50, 1)])
def test_smoothing_leaves_a_constant_alone(size: tuple[int, int]) -> None:
    found = smoothed_boundary_map(flat(0.7, *size), full_scale=1.0)
    assert found.shape == size
    assert not found.any()


def test_smoothing_quiets_ripples_and_keeps_valleys() -> None:
    plane = flat(0.8)
    plane[:, 30:38] = 0.4  # two cells of the network's grid
    plane += np.random.default_rng(0).normal(0.0, 0.02, plane.shape).astype(np.float32)
    rough, smooth = boundary_map(plane, full_scale=1.0), smoothed_boundary_map(plane, full_scale=1.0)
    assert np.median(smooth[:, 33:35]) > 200
    away = np.s_[:, 50:]
    assert smooth[away].max() < rough[away].max() / 3


@pytest.mark.parametrize(("flips", "seed"), [(False, 0), (True, 1)])
def test_no_direction_is_preferred(flips: bool, seed: int) -> None:
    """The map of a plane that is turned over or mirrored is that map, turned over or mirrored."""
    noise = np.random.default_rng(seed).random((12, 16)).astype(np.float32)
    values = np.asarray(cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC), np.float32)
    turned = np.ascontiguousarray(values[::-1] if flips else values.T)
    here, there = (smoothed_boundary_map(each, full_scale=1.0).astype(int) for each in (values, turned))
    assert here.max() == 255
    assert np.abs(there - (here[::-1] if flips else here.T)).max() <= 1


@pytest.mark.parametrize(("radius", "pixels"), [(0, 1), (1, 5), (2, 13), (3, 29)])
def test_a_disk_holds_the_pixels_within_its_radius(radius: int, pixels: int) -> None:
    """Gauss's circle problem."""
    assert round_kernel(radius).sum() == pixels


def test_where_there_are_no_data_the_picture_ends() -> None:
    """Boundaries of what has some are those of that part alone."""
    values = cv2.GaussianBlur(np.random.default_rng(4).random((60, 80), np.float32), (0, 0), 3.0)
    values = np.asarray((values - values.min()) / (values.max() - values.min()), np.float32)
    valid = np.zeros((60, 80), np.bool_)
    valid[:, 30:] = True

    def found(values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
        return boundary_map_of(Plane(np.ascontiguousarray(values), "norm", 1.0), valid)

    alone, part = found(values[:, 30:]), found(np.where(valid, values, np.float32(0)), valid)
    assert alone.max() > 50
    np.testing.assert_allclose(part[:, 30:].astype(int), alone, atol=1)
    assert not part[:, :30].any()
    np.testing.assert_array_equal(found(values, np.ones_like(valid)), found(values))
    assert not found(values, np.zeros_like(valid)).any()
