"""Isotonic regression against scikit-learn's and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.isotonic import isotonic

points = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.01, 100)), min_size=1, max_size=30)


@given(points)
def test_it_is_that_of_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    regression = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is the oracle").isotonic_regression
    values, weights = np.array(pairs).T
    found = isotonic(values, weights)
    assert found == pytest.approx(regression(values, sample_weight=weights), abs=1e-9)
    assert (np.diff(found) >= 0).all()


def test_by_hand() -> None:
    assert isotonic([1, 4, 2, 0, 5], [1, 1, 1, 3, 1]).tolist() == [1, 1.2, 1.2, 1.2, 5]
    assert isotonic([2.0, 2.0, 3.0], [1, 5, 1]).tolist() == [2.0, 2.0, 3.0]
    assert isotonic([], []).tolist() == []
