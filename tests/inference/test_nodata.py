"""What is left of a prediction where there are no data."""

from __future__ import annotations

import numpy as np
import pytest
from support.maps import HEIGHT, WIDTH, prediction

from hypsegcli.inference.nodata import leave_void, void_of

VALID = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.7


def test_nothing_is_left_and_the_rest_stays() -> None:
    probabilities = np.full((3, HEIGHT, WIDTH), 1 / 3, np.float16)
    whole = prediction(probabilities=probabilities, prototypes=np.full((HEIGHT, WIDTH), 5, np.uint8))
    left = leave_void(whole, VALID, nodes=3, prototypes=6)
    assert left.valid is VALID
    assert left.probabilities is not None
    assert left.prototypes is not None
    for before, after in ((whole.labels, left.labels), (whole.prototypes, left.prototypes)):
        np.testing.assert_array_equal(after, np.where(VALID, before, 255))  # type: ignore[arg-type]
        assert after.dtype == np.uint8
    assert np.isnan(left.probabilities[:, ~VALID]).all()
    np.testing.assert_array_equal(left.probabilities[:, VALID], probabilities[:, VALID])
    for name, plane in whole.confidence.items():
        np.testing.assert_array_equal(left.confidence[name].values, np.where(VALID, plane.values, 0))
    assert not np.isnan(whole.probabilities).any(), "it is not changed itself"  # type: ignore[arg-type]


def test_without_a_mask_nothing_changes() -> None:
    whole = prediction()
    assert leave_void(whole, None, nodes=3, prototypes=0) is whole


@pytest.mark.parametrize(("nodes", "kind"), [(254, np.uint8), (255, np.uint16), (300, np.uint16)])
@pytest.mark.parametrize("valid", [VALID, np.ones_like(VALID)])
def test_void_is_no_node_and_not_undecided(nodes: int, kind: type, valid: np.ndarray) -> None:
    """Of 255 nodes, undecided is 255."""
    undecided = np.full((HEIGHT, WIDTH), nodes, np.uint8 if nodes < 256 else np.uint16)
    left = leave_void(prediction(labels=undecided), valid, nodes=nodes, prototypes=0).labels
    assert left.dtype == kind
    assert void_of(left) > nodes
    np.testing.assert_array_equal(left, np.where(valid, nodes, void_of(left)))
