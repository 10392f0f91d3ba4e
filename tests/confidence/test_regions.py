"""Regions: laws, and a plain search that finds the same."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.confidence.regions import Bounds, Region, find_regions, wrong_by_class

ALL = Bounds(smallest=1, most=10_000)


def plain(
    labels: NDArray[np.uint8], chance: NDArray[np.float32], valid: NDArray[np.bool_]
) -> dict[tuple[int, int], Region]:
    """All regions, by their first pixels, looked for pixel by pixel."""
    height, width = labels.shape
    open_ = {(y, x) for y in range(height) for x in range(width) if chance[y, x] < np.float32(0.7) and valid[y, x]}
    found = {}
    for first in sorted(open_):
        if first not in open_:
            continue
        pixels, queue = [], deque([first])
        open_.remove(first)
        while queue:
            y, x = queue.popleft()
            pixels.append((y, x))
            for near in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if near in open_:
                    open_.remove(near)
                    queue.append(near)
        ys, xs = zip(*pixels, strict=True)
        classes = Counter(int(labels[place]) for place in pixels)
        wrong = sum(1.0 - float(chance[place]) for place in pixels)
        box = (min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1)
        found[first] = Region(*box, len(pixels), wrong, classes)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_regions_are_those_of_a_plain_search(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (23, 31)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    chance = random.random(shape, np.float32) ** np.float32(0.3)
    valid = random.random(shape) < 0.9
    wanted = plain(labels, chance, valid)
    found = find_regions(labels, chance, ALL, valid=valid)
    assert len(found) == len(wanted) > 5

    def facts(region: Region) -> tuple[object, ...]:
        return (region.x, region.y, region.width, region.height, region.area, sorted(region.classes.items()))

    assert sorted(map(facts, found)) == sorted(map(facts, wanted.values()))
    wrongs = [region.expected_wrong for region in found]
    assert wrongs == sorted(wrongs, reverse=True)
    assert wrongs == pytest.approx(sorted((one.expected_wrong for one in wanted.values()), reverse=True), abs=1e-3)
    for region in found:
        assert list(region.classes.values()) == sorted(region.classes.values(), reverse=True)
        assert sum(region.classes.values()) == region.area


def test_pixels_that_do_not_count_are_in_no_region_and_part_others() -> None:
    chance = np.full((5, 9), 0.5, np.float32)
    valid = np.ones((5, 9), bool)
    valid[:, 4] = False
    left, right = find_regions(np.zeros((5, 9), np.uint8), chance, ALL, valid=valid)
    assert (left.x, left.width, left.area, left.expected_wrong) == (0, 4, 20, 10.0)
    assert (right.x, right.width) == (5, 4)
    assert float(wrong_by_class(np.zeros((5, 9), np.uint8), chance, valid).sum()) == 20.0
    assert float(wrong_by_class(np.zeros((5, 9), np.uint8), chance).sum()) == 22.5
    assert find_regions(np.zeros((5, 9), np.uint8), chance, ALL, valid=np.zeros((5, 9), bool)) == []


def test_small_regions_are_left_out_and_the_largest_kept() -> None:
    chance = np.ones((9, 40), np.float32)
    for number in range(8):
        chance[: number + 1, 5 * number : 5 * number + 2] = 0.25  # 2, 4, ... 16 pixels
    found = find_regions(np.zeros(chance.shape, np.uint8), chance, Bounds(smallest=6, most=3))
    assert [region.area for region in found] == [16, 14, 12]
    assert len(find_regions(np.zeros(chance.shape, np.uint8), chance, Bounds(smallest=6, most=99))) == 6
    assert find_regions(np.zeros(chance.shape, np.uint8), np.ones_like(chance), ALL) == []


def test_the_bound_itself_is_no_doubt_and_corners_touch() -> None:
    chance = np.array([[0.7, 0.69], [0.69, 0.7]], np.float32)
    (region,) = find_regions(np.array([[0, 300], [2, 1]], np.uint16), chance, ALL)
    assert (region.area, dict(region.classes)) == (2, {2: 1, 300: 1})


def test_wide_images_are_added_up_band_by_band() -> None:
    """More pixels than are added up at once."""
    chance = np.full((3, 1 << 20), 0.5, np.float32)
    (region,) = find_regions(np.zeros(chance.shape, np.uint8), chance, ALL)
    assert (region.area, region.expected_wrong) == (3 << 20, 1.5 * (1 << 20))
