"""Signatures: near for near-identical images, far for others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from hypsegcli.products.signature import SIZE, signature

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_numbers_are_colours_and_classes() -> None:
    photograph = np.zeros((8, 12, 3), np.uint8)
    photograph[:4, 6:] = (255, 90, 30)
    labels = np.zeros((8, 12), np.uint8)
    labels[:, :3] = 1
    found = signature(photograph, labels)
    assert found.shape == (SIZE,)
    assert found.dtype == np.uint8
    colours = found[:48].reshape(4, 4, 3)
    assert np.array_equal(colours[:2, 2:], np.broadcast_to((85, 30, 10), (2, 2, 3)))
    assert colours[2:].max() == colours[:, :2].max() == 0
    assert list(found[48:52]) == [round(255 * 0.75**0.5), round(255 * 0.5), 0, 0]


def test_classes_beyond_the_sixteenth_are_counted_with_earlier_ones() -> None:
    labels = np.array([[0, 16, 150, 171]], np.uint16)
    found = signature(np.zeros((1, 4, 3), np.uint8), labels)[48:]
    assert found[0] == round(255 * 0.5**0.5)
    assert found[150 % 16] == found[171 % 16] == round(255 * 0.25**0.5)
    assert found.astype(int).nonzero()[0].tolist() == [0, 6, 11]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 900)])
def test_an_image_of_any_size_has_one(size: tuple[int, int]) -> None:
    photograph = np.full((*size, 3), 200, np.uint8)
    found = signature(photograph, np.zeros(size, np.uint8))
    assert set(found[:48]) == {66}
    assert found[48] == 255


def test_what_is_nearly_the_same_photograph_is_nearer_than_any_other() -> None:
    """Moved by a few pixels, brighter, or from JPEG at low quality, photographs of examples/ find themselves."""
    paths = [path for path in sorted(EXAMPLES.glob("*/*")) if path.suffix in {".jpg", ".png"}]
    photographs = [Image.open(path).convert("RGB").resize((160, 120)) for path in paths]
    labels = [pixels(photograph)[:, :, 0] // 64 for photograph in photographs]
    known = np.array([signature(pixels(one), its) for one, its in zip(photographs, labels, strict=True)]).astype(int)
    assert len(known) > 5
    for number, photograph in enumerate(photographs):
        stored = io.BytesIO()
        photograph.save(stored, "JPEG", quality=20)
        moved = np.roll(pixels(photograph), (2, 5), (0, 1))
        brighter = pixels(ImageEnhance.Brightness(photograph).enhance(1.08))
        for other in (moved, brighter, pixels(Image.open(stored))):
            squares = ((known - signature(other, labels[number])) ** 2).sum(1)
            assert squares.argmin() == number
            assert squares[number] * 4 < np.delete(squares, number).min()


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture)
