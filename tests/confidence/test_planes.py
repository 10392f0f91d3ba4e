"""A plane knows its scale: shares, levels and doubt agree, whatever the unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.planes import Plane

SCALES = st.sampled_from([1.0, 7.6, 15.249238, 0.3])


def plane(shares: np.ndarray, scale: float) -> Plane:
    return Plane((shares * scale).astype(np.float32), "distance", scale)


@given(scale=SCALES, seed=st.integers(0, 2**16))
def test_shares_do_not_depend_on_the_unit(scale: float, seed: int) -> None:
    shares = np.random.default_rng(seed).random((4, 6)).astype(np.float32)
    found = plane(shares, scale).share()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, shares, rtol=3e-7)


@given(scale=SCALES, seed=st.integers(0, 2**16))
def test_doubt_is_what_confidence_lacks(scale: float, seed: int) -> None:
    sure = plane(np.random.default_rng(seed).random((4, 6)), scale)
    doubt = sure.doubt()
    assert doubt.dtype == np.float32
    np.testing.assert_allclose(doubt + sure.share(), 1.0, atol=2e-7)
    assert np.abs(to_levels(doubt).astype(int) + sure.levels() - 65535).max() <= 1


@pytest.mark.parametrize("scale", [1.0, 7.6])
def test_full_scale_is_the_highest_level_and_no_doubt(scale: float) -> None:
    found = plane(np.array([[0.0, 0.5, 1.0, 1.0 + 1e-6]]), scale)
    assert found.levels().tolist() == [[0, 32768, 65535, 65535]]
    assert found.doubt().tolist() == [[1.0, 0.5, 0.0, 0.0]]


def test_values_are_left_alone() -> None:
    values = np.array([[0.5, 9.0]], np.float32)
    found = Plane(values, "distance", 1.0)
    found.share(), found.levels(), found.doubt()
    assert values.tolist() == [[0.5, 9.0]]
