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
