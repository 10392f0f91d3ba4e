"""A place's own pixels, found again in a plane of doubt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.confidence.regions import Bounds, find_regions
from hypsegcli.review.outline import find_pixels


def levels_of(chance: NDArray[np.float32]) -> NDArray[np.uint16]:
    return np.rint((1 - chance) * 65535).astype(np.uint16)


@pytest.mark.parametrize("below", [0.3, 0.5, 0.7, 0.9])
def test_every_region_is_found_again_from_its_box_and_area_alone(below: float) -> None:
    noise = np.random.default_rng(3).random((120, 160), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    chance = np.asarray(cv2.normalize(smooth, smooth, 0, 1, cv2.NORM_MINMAX), np.float32)
    chance[:20, :20] = np.float32(below)  # is not below it, and has the level of the bound
    regions = find_regions(np.zeros(chance.shape, np.uint8), chance, Bounds(below, smallest=10))
    assert regions
    for region in regions:
        box = np.s_[region.y : region.y + region.height, region.x : region.x + region.width]
        own = find_pixels(levels_of(chance)[box], region.area, below)
        assert own is not None
        assert abs(int(own.sum()) - region.area) <= 0.02 * region.area
        assert (chance[box][own] < below + 1e-4).all()
        assert all(side.any() for side in (own[0], own[-1], own[:, 0], own[:, -1]))


def test_of_two_that_fill_a_box_the_one_of_that_area() -> None:
    levels = np.zeros((20, 20), np.uint16)
    levels[0, :-2] = levels[:-2, 0] = 65535  # would span 18 x 18
    levels[-1, :] = levels[:, -1] = 65535
    own = find_pixels(levels, 39, 0.7)
    assert own is not None
    assert own.sum() == 39
    assert own[-1].all()


def test_a_plane_of_something_else_has_none() -> None:
    levels = levels_of(np.random.default_rng(0).random((30, 40), np.float32))
    assert find_pixels(levels, 300, 0.7) is None
    assert find_pixels(np.zeros((30, 40), np.uint16), 300, 0.7) is None
