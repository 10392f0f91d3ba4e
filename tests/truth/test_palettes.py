"""Palettes that contradict each other, as quantising pictures one by one makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.images.color_mask import read_palette
from hypsegcli.truth.check import examine_masks
from hypsegcli.truth.palettes import Palettes, colors_of

SKY, ROAD, CAR, WHITE = (10, 20, 200), (128, 64, 128), (0, 0, 142), (255, 255, 255)


def save(path: Path, colors: list[tuple[int, int, int]], ids: list[int]) -> Path:
    """An indexed picture of some ids, a column each."""
    image = Image.fromarray(np.repeat(np.array([ids], np.uint8), 4, axis=0), "P")
    image.putpalette([value for color in colors for value in color])
    image.save(path)
    return path


def doubts(*paths: Path) -> tuple[str, ...]:
    return examine_masks(paths, classes=3, ignore_index=255, id_map=None).doubts


@pytest.mark.parametrize("suffix", ["png", "tif", "gif", "bmp"])
def test_a_colour_of_two_ids_is_told(tmp_path: Path, suffix: str) -> None:
    one = save(tmp_path / f"1.{suffix}", [SKY, ROAD, CAR], [0, 1, 2])
    two = save(tmp_path / f"2.{suffix}", [ROAD, SKY, CAR], [0, 1, 2])
    (sentence,) = doubts(one, two)
    assert f"#0a14c8 is the id 0 in {one} and 1 in {two}" in sentence or (
        f"#804080 is the id 1 in {one} and 0 in {two}" in sentence
    )
    assert "mask_colors" in sentence


def test_colours_reduced_file_by_file_are_told(tmp_path: Path) -> None:
    """As Pillow's adaptive palettes leave them, which sort the colours that a picture has."""
    paths = []
    for number, order in enumerate(([ROAD, CAR], [ROAD, WHITE])):
        pixels = np.repeat(np.array([order], np.uint8), 8, axis=0)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).convert("P", palette=Image.Palette.ADAPTIVE, colors=2).save(paths[-1])
    assert len(doubts(*paths)) == 1


def test_the_same_meaning_is_no_doubt(tmp_path: Path) -> None:
    """Whatever else the palettes hold, and in files that have none."""
    one = save(tmp_path / "1.png", [SKY, ROAD, CAR], [0, 1, 2])
    shorter = save(tmp_path / "2.png", [SKY, ROAD], [0, 1])
    unused = save(tmp_path / "3.png", [SKY, CAR, ROAD], [0, 0])
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "4.png")
    assert doubts(one, shorter, unused, tmp_path / "4.png") == ()


def test_a_colour_of_several_ids_tells_nothing(tmp_path: Path) -> None:
    """Palettes whose other entries are black."""
    black = (0, 0, 0)
    path = save(tmp_path / "1.png", [SKY, black, black], [0, 1, 2])
    with Image.open(path) as image:
        assert colors_of(read_palette(path), np.array(image)) == {SKY: 0}


def test_ids_beyond_a_palette_have_no_colour(tmp_path: Path) -> None:
    path = save(tmp_path / "1.png", [SKY, ROAD], [0, 1])
    assert colors_of(read_palette(path), np.array([[0, 7, 255]], np.uint8)) == {SKY: 0}


def test_label_maps_get_no_advice_that_is_none_of_theirs() -> None:
    palettes = Palettes()
    for path, index in ((Path("a"), 1), (Path("b"), 2)):
        palettes.add(path, {SKY: index})
    sentence = palettes.doubt("label maps", colors=None)
    assert sentence is not None
    assert "mask_colors" not in sentence
