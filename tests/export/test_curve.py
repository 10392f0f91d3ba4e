"""The calibration of a graph, against numpy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hypsegcli.confidence.calibration import Calibration
from hypsegcli.export.curve import Curve


def calibration(distances: list[float], probabilities: list[float]) -> Calibration:
    return Calibration(distances=tuple(distances), probabilities=tuple(probabilities), fitted_on="numbers")


def wanted(known: Calibration, distance: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.interp(distance, known.distances, known.probabilities)


@given(
    steps=st.lists(st.floats(2**-10, 4.0, width=16), min_size=1, max_size=300),
    chance=st.integers(0, 2**32 - 1),
)
def test_it_is_numpy_s_interpolation_for_any_number_of_knots(steps: list[float], chance: int) -> None:
    rng = np.random.default_rng(chance)
    distances = np.cumsum([0.0, *steps])
    known = calibration(distances.tolist(), np.sort(rng.random(len(distances))).tolist())
    asked = np.concatenate([rng.uniform(-1.0, distances[-1] + 1.0, 200), distances]).astype(np.float32)
    found = Curve(known)(torch.from_numpy(asked)).numpy()
    np.testing.assert_allclose(found, wanted(known, asked), atol=2e-4)  # a float32 may lie across a steep knot


def test_it_keeps_shape_and_type_and_goes_through_its_knots() -> None:
    known = calibration([0.0, 1.0, 3.0], [0.25, 0.5, 1.0])
    found = Curve(known)(torch.tensor([[[-1.0, 0.0, 0.5, 1.0]], [[2.0, 3.0, 4.0, 1e30]]]))
    torch.testing.assert_close(found, torch.tensor([[[0.25, 0.25, 0.375, 0.5]], [[0.75, 1.0, 1.0, 1.0]]]))


@pytest.mark.parametrize(("first", "second"), [(0.0, 1e-300), (2.0, np.nextafter(2.0, 9.0))])
def test_knots_that_float32_does_not_tell_apart_are_a_step(first: float, second: float) -> None:
    """The one behind is taken, and nothing is divided by zero."""
    found = Curve(calibration([first, second, 5.0], [0.0, 0.5, 1.0]))(torch.tensor([first, 5.0]))
    torch.testing.assert_close(found, torch.tensor([0.5, 1.0]), atol=1e-6, rtol=0)
    alone = Curve(calibration([first, second], [0.25, 0.75]))(torch.tensor([first - 1.0, first, first + 1.0]))
    torch.testing.assert_close(alone, torch.full((3,), 0.75))


def test_a_step_within_the_smallest_numbers_is_no_division_by_zero() -> None:
    found = Curve(calibration([0.0, 1e-44, 5.0], [0.0, 0.5, 1.0]))(torch.tensor([0.0, 1e-44, 1e-30]))
    assert found.isfinite().all()
