"""The smoother against dense linear systems, against OpenCV's own numbers, and its laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hypsegcli.inference.smoother import Smoother

GOLDEN = Path(__file__).parent.parent / "data" / "fast_global_smoother.npz"

sides = st.integers(1, 9)
strengths = st.sampled_from([0.5, 10.0, 400.0])


def smoother(photograph: NDArray[np.uint8], strength: float) -> Smoother:
    return Smoother(photograph, strength=strength, sigma=4.0)


def made_up(height: int, width: int, seed: int, planes: int = 3) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A photograph of flat regions with some noise, and planes in [0, 1] that sum to one."""
    rng = np.random.default_rng(seed)
    regions = rng.integers(0, 256, (3, 3, 3)).repeat(4, 0).repeat(4, 1)[:height, :width]
    photograph = np.clip(regions + rng.integers(-3, 4, regions.shape), 0, 255).astype(np.uint8)
    values = rng.random((planes, height, width)).astype(np.float32)
    return photograph, values / values.sum(0)


def by_dense_systems(photograph: NDArray[np.uint8], plane: NDArray[np.float32], strength: float) -> NDArray[np.float64]:
    """What the docstring says, line by line, by numpy's solver."""
    found, colours = plane.astype(np.float64), photograph.astype(np.float64)
    for number in range(3):
        for is_transposed in (False, True):
            lines, guides = (found.T, colours.transpose(1, 0, 2)) if is_transposed else (found, colours)
            solved = np.empty_like(lines)
            for row, (line, guide) in enumerate(zip(lines, guides, strict=True)):
                system = np.eye(len(line))
                for left in range(len(line) - 1):
                    distance = np.linalg.norm(guide[left] - guide[left + 1])
                    link = strength / 4**number * np.exp(-distance / 4.0)
                    system[left : left + 2, left : left + 2] += link * np.array([[1, -1], [-1, 1]])
                solved[row] = np.linalg.solve(system, line)
            found = solved.T if is_transposed else solved
    return found


@settings(max_examples=25, deadline=None)
@given(height=sides, width=sides, strength=strengths, seed=st.integers(0, 99))
def test_it_solves_its_equations(height: int, width: int, strength: float, seed: int) -> None:
    photograph, planes = made_up(height, width, seed)
    found = smoother(photograph, strength)(planes)
    assert found.dtype == np.float32
    assert found.shape == planes.shape
    for plane, expected in zip(found, planes, strict=True):
        np.testing.assert_allclose(plane, by_dense_systems(photograph, expected, strength), atol=2e-6)


@pytest.mark.parametrize(("strength", "rounding"), [(100, 1e-5), (1600, 5e-5)])  # that of OpenCV, all in float32
def test_it_is_the_one_of_opencv(strength: int, rounding: float) -> None:
    with np.load(GOLDEN) as golden:
        found = smoother(golden["photograph"], strength)(golden["planes"])
        np.testing.assert_allclose(found, golden[f"smoothed_{strength}"], rtol=0, atol=rounding)


@settings(max_examples=25, deadline=None)
@given(height=sides, width=sides, strength=strengths, seed=st.integers(0, 99))
def test_probabilities_stay_probabilities(height: int, width: int, strength: float, seed: int) -> None:
    """They sum to one, and no class leaves its range; so a constant stays."""
    photograph, planes = made_up(height, width, seed)
    found = smoother(photograph, strength)(planes)
    np.testing.assert_allclose(found.sum(0), 1.0, atol=1e-5)
    for plane, before in zip(found, planes, strict=True):
        assert plane.min() >= before.min() - 1e-5
        assert plane.max() <= before.max() + 1e-5


def test_strength_0_changes_nothing() -> None:
    photograph, planes = made_up(7, 9, seed=1)
    np.testing.assert_array_equal(smoother(photograph, 0.0)(planes), planes)


@pytest.mark.parametrize("axis", [0, 1])
def test_it_does_not_know_left_from_right_or_up_from_down(axis: int) -> None:
    photograph, planes = made_up(7, 9, seed=2)
    turned = smoother(np.flip(photograph, axis), 100.0)(np.flip(planes, axis + 1))
    np.testing.assert_allclose(np.flip(turned, axis + 1), smoother(photograph, 100.0)(planes), atol=1e-6)


def test_planes_do_not_know_each_other() -> None:
    photograph, planes = made_up(7, 9, seed=3)
    smooth = smoother(photograph, 100.0)
    np.testing.assert_array_equal(smooth(planes)[1:2], smooth(planes[1:2]))


def test_a_noisy_edge_in_the_wrong_place_goes_to_that_of_the_photograph() -> None:
    rng = np.random.default_rng(4)
    photograph = np.zeros((64, 96, 3), np.uint8)
    photograph[:, 48:] = 180
    truth = np.arange(96) >= 48
    said = np.where(np.arange(96) >= 51, 0.75, 0.25) + rng.normal(0, 0.15, (64, 96))  # 3 columns to the right
    wrong = ((said > 0.5) != truth).mean()
    (found,) = smoother(photograph, 100.0)(said[None].astype(np.float32))
    assert wrong > 0.04
    assert not ((found > 0.5) != truth).any()
