"""Some masks of many that were made otherwise: told where predictions of the others are good."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.truth.odd_images import OddImages

K = 5


def scene(seed: int) -> NDArray[np.int64]:
    return np.kron(np.random.default_rng(seed).integers(0, K, (6, 6)), np.ones((8, 8), int))


def seen(*truths: NDArray[np.int64]) -> OddImages:
    """With predictions of scenes of the seeds 0, 1 and so on."""
    odd = OddImages(K, np.zeros(OddImages.SIZE, np.int64))
    for seed, truth in enumerate(truths):
        rng = np.random.default_rng(seed)
        labels = np.where(rng.random(truth.shape) < 0.9, scene(seed), rng.integers(0, K, truth.shape))
        odd.add(truth, labels)
    return odd


@pytest.mark.parametrize("by", [1, -1])
def test_ids_that_are_off_in_some_masks_are_told(by: int) -> None:
    moved = [np.where((scene(seed) + by < 0) | (scene(seed) + by >= K), K, scene(seed) + by) for seed in range(3)]
    well = [scene(seed) for seed in range(3, 9)]
    (said,) = seen(*moved, *well).numbered_otherwise()
    word = "lower" if by == 1 else "higher"
    assert said.startswith(f"3 of 9 masks would agree with the predictions if their ids were one {word}, and not")
    assert seen(moved[0], *(scene(seed) for seed in range(1, 9))).numbered_otherwise() == []  # which may be chance


def test_a_single_class_that_is_mistaken_is_no_shift() -> None:
    odd = OddImages(K, np.zeros(OddImages.SIZE, np.int64))
    for _ in range(4):
        odd.add(np.full((8, 8), 3), np.full((8, 8), 2))
    assert odd.numbered_otherwise() == []


def test_right_masks_are_not_told_of() -> None:
    odd = seen(*(scene(seed) for seed in range(6)), np.full((48, 48), K))  # the last is void
    odd.add(np.zeros((48, 48), int), np.zeros((48, 48), int))  # and this one class alone, which is right
    assert (odd.images, odd.numbered_otherwise()) == (7, [])


def test_ids_that_are_exchanged_in_some_masks_are_told() -> None:
    order = np.array([3, 0, 4, 1, 2])
    well = [scene(seed) for seed in range(3, 9)]
    other = [order[scene(seed)] for seed in range(4)]
    (said,) = seen(*other, *well[1:]).numbered_otherwise()
    assert said.startswith("4 of 9 masks would agree with the predictions if their ids were exchanged among each other")
    assert seen(*other[:3], *well).numbered_otherwise() == []  # in which a network takes classes for others, perhaps


def test_two_classes_that_are_exchanged_in_some_masks_are_told() -> None:
    """Such as nuclei that are black on white here, and white on black there."""
    odd = OddImages(2, np.zeros(OddImages.SIZE, np.int64))
    for seed in range(8):
        labels = (scene(seed) == 0).astype(int)
        odd.add(1 - labels if seed % 4 == 0 else labels, labels)
    (said,) = odd.numbered_otherwise()
    assert said.startswith("2 of 8 masks would agree with the predictions if the two classes were exchanged, and not")
