"""Masks that nobody has begun: told where predictions find other things there, never where there are none."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.truth.hollow import Hollow

K = 5
EMPTY = np.zeros((48, 48), int)


def scene(seed: int, background: float) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    cells = np.where(rng.random((12, 12)) < background, 0, rng.integers(1, K, (12, 12)))
    cells[0, 0] = 1
    return np.kron(cells, np.ones((4, 4), np.int64)).astype(np.int64)


def seen(truths: Iterable[NDArray[np.int64]], background: float, right: float = 0.9) -> Hollow:
    """With predictions of scenes of the seeds 0, 1 and so on."""
    hollow = Hollow(K, np.zeros(Hollow.SIZE, np.int64))
    for seed, truth in enumerate(truths):
        rng = np.random.default_rng(seed)
        real = scene(seed, background)
        others = np.where(real == 0, 0, rng.integers(1, K, truth.shape))  # which a network takes for each other
        hollow.add(truth, np.where(rng.random(truth.shape) < right, real, others))
    return hollow


@pytest.mark.parametrize("right", [0.3, 0.9])
@pytest.mark.parametrize("background", [0.2, 0.9])
@pytest.mark.parametrize("begun", [1, 4, 10])
def test_masks_that_nobody_has_begun_are_told(begun: int, background: float, right: float) -> None:
    """Also where a background has most of each photograph, so that most of their pixels agree."""
    truths = [EMPTY] * (12 - begun) + [scene(seed, background) for seed in range(12 - begun, 12)]
    said = seen(truths, background, right).mistake()
    assert said is not None
    count = int(said.split()[0])
    assert 1 <= count <= 12 - begun, "of some there is less to be found"
    assert said.startswith(f"{count} of 12 masks hold{'s' if count == 1 else ''} class 0 alone, though")


def test_one_of_many_may_be_chance() -> None:
    for images, is_told in ((20, True), (21, False)):
        truths = [EMPTY, *(scene(seed, 0.5) for seed in range(1, images))]
        assert (seen(truths, 0.5).mistake() is not None) == is_told


def test_images_that_hold_nothing_else_have_been_labelled() -> None:
    """In which a network finds a little, and more than in half of the others now and then."""
    hollow = Hollow(K, np.zeros(Hollow.SIZE, np.int64))
    for seed in range(10):
        real = scene(seed, 0.5)
        hollow.add(real, real)
        hollow.add(EMPTY, np.where(np.arange(48) < seed, 1, EMPTY))
        hollow.add(EMPTY, EMPTY)
        hollow.add(np.full((48, 48), K), real)  # void
        hollow.add(EMPTY, np.full((48, 48), K))  # no data
    assert hollow.mistake() is None


def test_predictions_that_are_wrong_themselves_tell_nothing() -> None:
    everywhere = np.ones((48, 48), int)
    hollow = Hollow(K, np.zeros(Hollow.SIZE, np.int64))
    for seed in range(10):
        hollow.add(scene(seed, 0.5), everywhere)
        hollow.add(EMPTY, everywhere)
    assert hollow.mistake() is None
    nothing = Hollow(K, np.zeros(Hollow.SIZE, np.int64))
    nothing.add(EMPTY, everywhere)
    assert nothing.mistake() is None


def test_tiles_of_another_class_alone_have_been_labelled() -> None:
    """Such as a wall that the predictions take for a door."""
    assert seen([np.full((48, 48), 3), *(scene(seed, 0.2) for seed in range(1, 8))], 0.2).mistake() is None
