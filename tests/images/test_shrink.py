"""Sizes, and that ids are never blended."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.images.shrink import shrink_image, shrink_mask, shrunk_size

sides = st.integers(1, 300)


@given(sides, sides, sides)
def test_the_longer_side_is_the_limit_and_the_proportion_stays(height: int, width: int, limit: int) -> None:
    rows, columns = shrunk_size(height, width, limit)
    assert max(rows, columns) == min(limit, max(height, width))
    assert min(rows, columns) >= 1
    share = max(rows, columns) / max(height, width)
    assert abs(rows - height * share) <= 1
    assert abs(columns - width * share) <= 1


def test_nothing_grows_and_no_limit_is_none() -> None:
    assert shrunk_size(30, 40, 40) == (30, 40)
    assert shrunk_size(30, 40, 4000) == (30, 40)
    assert shrunk_size(30, 40, None) == (30, 40)
    pixels, mask = np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.int32)
    assert shrink_image(pixels, None) is pixels
    assert shrink_mask(mask, 40) is mask


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_whole_factors_average_pixels_and_pick_the_middle_of_masks(factor: int) -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (8, 12, 3)).astype(np.uint8)
    large = small.repeat(factor, 0).repeat(factor, 1)
    np.testing.assert_array_equal(shrink_image(large, 12), small)
    ids = rng.integers(0, 70000, (8, 12))
    np.testing.assert_array_equal(shrink_mask(ids.repeat(factor, 0).repeat(factor, 1), 12), ids)
    noisy = rng.integers(0, 256, (8 * factor, 12 * factor, 3)).astype(np.uint8)
    means = noisy.reshape(8, factor, 12, factor, 3).mean((1, 3))
    np.testing.assert_allclose(shrink_image(noisy, 12), means, atol=0.51)


@given(sides, sides, sides, st.sampled_from([np.uint8, np.uint16, np.int64]))
def test_image_and_mask_keep_company(height: int, width: int, limit: int, kind: type[np.generic]) -> None:
    mask = (np.arange(height)[:, None] * 256 + np.arange(width)).astype(kind)
    found = shrink_mask(mask, limit)
    assert found.shape == shrink_image(np.zeros((height, width, 3), np.uint8), limit).shape[:2]
    assert found.dtype == kind
    assert set(found.ravel().tolist()) <= set(mask.ravel().tolist())
