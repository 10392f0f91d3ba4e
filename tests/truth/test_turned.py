"""Photographs that EXIF turns and masks that it does not: told where predictions say so, and never of right masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hypsegcli.images.decode import decode_image
from hypsegcli.truth.pairs import Pair
from hypsegcli.truth.turned import Turns, turned_alone

K = 5
STORED: dict[int, Callable[[Any], Any]] = {  # from an upright picture, by EXIF 2.32, tag 274
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: np.transpose,
    6: np.rot90,
    7: lambda upright: np.rot90(upright, 2).T,
    8: lambda upright: np.rot90(upright, 3),
}


def turns_of(classes: int) -> Turns:
    return Turns(classes, np.zeros(Turns.size(classes), np.int64))


def scene(seed: int, *, background: float = 0.0) -> np.ndarray:
    """A square of areas; `background` is about the share of class 0."""
    rng = np.random.default_rng(seed)
    areas = np.kron(rng.integers(0, K, (6, 6)), np.ones((8, 8), int))
    return np.where(np.kron(rng.random((6, 6)), np.ones((8, 8))) < background, 0, areas)


def predicted(truth: np.ndarray, right: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(truth.shape) < right, truth, rng.integers(0, K, truth.shape))


@pytest.mark.parametrize("background", [0.0, 0.8])
@pytest.mark.parametrize("right", [0.5, 1.0])
@pytest.mark.parametrize("orientation", STORED)
def test_masks_as_stored_are_told_whatever_the_network_is_worth(
    orientation: int, right: float, background: float
) -> None:
    wrong, well = turns_of(K), turns_of(K)
    for seed in range(4):
        upright = scene(seed, background=background)
        labels = predicted(upright, right, seed)
        wrong.add(orientation, STORED[orientation](upright), labels)
        well.add(orientation, upright, labels)
    said = wrong.mistake()
    assert said is not None
    assert said.startswith("4 photographs turned upright by EXIF or XMP, and the masks not: ")
    assert well.mistake() is None


def test_what_was_seen_in_parts_adds_up() -> None:
    whole, parts = turns_of(K), (turns_of(K), turns_of(K), turns_of(K))
    for seed in range(4):
        upright = scene(seed)
        for turns in (whole, parts[seed % 2]):
            turns.add(3, STORED[3](upright), predicted(upright, 0.7, seed))
    assert whole.mistake() is not None
    together = turns_of(K)
    for part in parts:
        together.counts += part.counts
    assert together.mistake() == whole.mistake()
    assert parts[2].mistake() is None


def test_a_network_that_knows_nothing_says_nothing() -> None:
    for answer in (0, 3, None):
        turns = turns_of(K)
        for seed in range(4):
            labels = predicted(scene(seed), 0.0, seed) if answer is None else np.full((48, 48), answer)
            turns.add(3, scene(seed), labels)
        assert turns.mistake() is None


def test_what_cannot_or_need_not_be_compared() -> None:
    turns = turns_of(K)
    upright = scene(0)
    turns.add(1, np.rot90(upright, 2), upright)
    turns.add(6, np.rot90(upright, 2)[:24], upright[:24])
    turns.add(3, np.full((8, 8), K), np.full((8, 8), 2))
    assert turns.mistake() is None


def test_void_and_no_answer_count_for_nothing() -> None:
    turns = turns_of(K)
    upright = scene(0)
    holes = np.where(np.arange(48) < 9, K, upright)
    turns.add(3, np.rot90(holes, 2), upright)
    assert "100.0 % would if the masks were turned too" in (turns.mistake() or "")
    labels = np.where(np.arange(48)[:, None] < 12, K, upright)
    turns.add(3, np.rot90(upright, 2), labels)
    assert turns.mistake() is not None


@pytest.mark.parametrize(("photograph", "mask", "alone"), [(3, 1, 3), (3, 3, 1), (1, 3, 1), (1, 1, 1), (6, 1, 6)])
def test_which_photographs_turn_alone(tmp_path: Path, photograph: int, mask: int, alone: int) -> None:
    for name, orientation in (("image", photograph), ("mask", mask)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("L", (8, 8)).save(tmp_path / f"{name}.png", exif=exif)
    image = decode_image(tmp_path / "image.png")
    assert image.orientation == photograph
    assert turned_alone(Pair("a", tmp_path / "mask.png", tmp_path / "image.png", None), image) == alone
    assert turned_alone(Pair("a", tmp_path / "none.mat", tmp_path / "image.png", None), image) == photograph
