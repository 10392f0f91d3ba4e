"""Masks that lie otherwise than their photographs: told where predictions say so, and never of right masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.truth.flipped import Flips

K = 5
WAYS: dict[str, Callable[[Any], Any]] = {
    "mirrored left to right": np.fliplr,
    "turned upside down": np.flipud,
    "turned by 180 degrees": lambda mask: np.rot90(mask, 2),
}


def flips_of(classes: int) -> Flips:
    return Flips(classes, np.zeros(Flips.size(classes), np.int64))


def scene(seed: int, *, background: float = 0.0) -> NDArray[np.int64]:
    """Areas of classes, of which class 0 has about so large a share."""
    rng = np.random.default_rng(seed)
    areas = np.kron(rng.integers(0, K, (6, 6)), np.ones((8, 8), int))
    return np.where(np.kron(rng.random((6, 6)), np.ones((8, 8))) < background, 0, areas)


def predicted(truth: NDArray[np.int64], right: float, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(truth.shape) < right, truth, rng.integers(0, K, truth.shape))


@pytest.mark.parametrize("background", [0.0, 0.8])
@pytest.mark.parametrize("right", [0.6, 1.0])
@pytest.mark.parametrize("way", WAYS)
def test_masks_that_lie_otherwise_are_told(way: str, right: float, background: float) -> None:
    wrong, well = flips_of(K), flips_of(K)
    for seed in range(4):
        upright = scene(seed, background=background)
        upright[:5, :7] = K  # void
        labels = predicted(scene(seed, background=background), right, seed)
        wrong.add(WAYS[way](upright), labels)
        well.add(upright, labels)
    assert f"would if the masks were {way}: " in (wrong.mistake() or "")
    assert well.mistake() is None


def test_symmetry_and_ignorance_say_nothing() -> None:
    flips = flips_of(K)
    assert flips.mistake() is None
    for seed in range(4):
        half = scene(seed)[:, :24]
        flips.add(np.hstack([half, half[:, ::-1]]), np.hstack([half, half[:, ::-1]]))
    assert flips.mistake() is None
    flips = flips_of(K)
    for seed in range(4):
        flips.add(scene(seed), predicted(scene(seed), 0.0, seed))
    assert flips.mistake() is None


def ovals(seed: int) -> NDArray[np.int64]:
    """A background, and in its midst something of several classes that is nearly symmetric, as a person is."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    body = np.digitize(x + rng.uniform(-0.1, 0.1), [-0.45, 0, 0.3]) + 1
    return np.where((x - 0.1) ** 2 + y**2 < 0.5, body, 0)


@pytest.mark.parametrize("right", [0.9, 1.0])
def test_a_background_that_lies_either_way_hides_nothing(right: float) -> None:
    """Half as much disagrees the other way round, though more than half agrees as it is."""
    wrong, well = flips_of(K), flips_of(K)
    for seed in range(4):
        labels = predicted(ovals(seed), right, seed)
        wrong.add(np.fliplr(ovals(seed)), labels)
        well.add(ovals(seed), labels)
    assert "would if the masks were mirrored left to right: masks or photographs were" in (wrong.mistake() or "")
    assert "masks or label maps were written so" in (wrong.mistake(stored=True) or "")
    assert well.mistake() is None


def test_what_agrees_as_it_is_and_hardly_more_otherwise_is_right() -> None:
    flips, scenes = (
        flips_of(K),
        [np.hstack([half, half[:, ::-1]]) for half in (scene(seed)[:, :24] for seed in range(4))],
    )
    for labels in scenes:
        truth = labels.copy()
        labels[0, 0] = truth[0, -1] = (labels[0, 0] + 1) % K
        flips.add(truth, labels)
    assert flips.mistake() is None


def test_some_masks_that_lie_otherwise_are_told() -> None:
    flips, well = flips_of(K), flips_of(K)
    for seed in range(9):
        labels = predicted(scene(seed), 0.9, seed)
        flips.add(np.fliplr(scene(seed)) if seed < 3 else np.flipud(scene(seed)) if seed == 3 else scene(seed), labels)
        well.add(np.fliplr(scene(seed)) if seed < 2 else scene(seed), labels)
    assert flips.mistake() is None
    told = (
        "4 of 9 masks would agree with the predictions if they were mirrored left to right (3), "
        "turned upside down (1), and not the others"
    )
    assert (flips.some() or "").startswith(told)
    assert well.some() is None  # which may be chance
