"""Palettes that contradict each other, as quantising pictures one by one makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import DataError
from hypsegcli.images.color_mask import read_palette
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.png import encode_indexed_png
from hypsegcli.truth.check import examine_masks
from hypsegcli.truth.diagnose import LABEL_MAPS, MASKS, Wording
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.palettes import Palettes, colors_of

SKY, ROAD, CAR, WHITE, BLACK = (10, 20, 200), (128, 64, 128), (0, 0, 142), (255, 255, 255), (0, 0, 0)


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
    (sentence,) = examine_masks((one, two), classes=3, ignore_index=255, id_map=None, wording=LABEL_MAPS).unlike
    assert sentence.startswith("the palettes of the label maps differ: ")
    assert "prediction_colors" in sentence


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


def refusal(*paths: Path, ignore_index: int = 255, id_map: IdMap | None = None, wording: Wording = MASKS) -> str:
    with pytest.raises(DataError) as caught:
        examine_masks(
            paths,
            classes=2,
            ignore_index=ignore_index,
            id_map=id_map,
            names=("background", "nucleus"),
            wording=wording,
        )
    return str(caught.value)


@pytest.mark.parametrize("how", ["quantize", "adaptive"])
@pytest.mark.parametrize("light", [WHITE, ROAD, SKY])
def test_two_colours_that_pillow_numbered_the_light_one_first_are_refused(
    tmp_path: Path, how: str, light: tuple[int, int, int]
) -> None:
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[5:12, 5:20] = light
    image = Image.fromarray(pixels)
    image = image.quantize(2) if how == "quantize" else image.convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    image.save(tmp_path / "a.png")
    assert np.array(image)[6, 6] == 0
    sentence = refusal(tmp_path / "a.png")
    color = f"#{light[0]:02x}{light[1]:02x}{light[2]:02x}"
    assert f"1 of 1 masks have a palette in which 0 is {color} and 1 is black, the first is {tmp_path}" in sentence
    assert f"such as background:#000000 and nucleus:{color}; if the ids are right" in sentence


@pytest.mark.parametrize("suffix", ["png", "tif", "gif", "bmp"])
def test_so_they_are_in_any_format_and_among_others(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"1.{suffix}", [WHITE, BLACK], [0, 1])
    uniform = save(tmp_path / f"2.{suffix}", [BLACK], [0])
    Image.fromarray(np.array([[0, 1, 1]], np.uint8)).save(tmp_path / "3.png")
    assert f"1 of 3 masks have a palette in which 0 is #ffffff and 1 is black, the first is {path}" in refusal(
        uniform, path, tmp_path / "3.png"
    )


def test_the_ways_out_are_those_that_there_are(tmp_path: Path) -> None:
    path = save(tmp_path / "1.png", [ROAD, BLACK], [0, 1])
    assert "prediction_colors" in refusal(path, wording=LABEL_MAPS)
    sentence = refusal(path, wording=Wording(translation=None, colors=None))
    assert sentence.endswith("dark ones; save the ids as 8-bit grey without a palette")
    assert "may be inverted" in refusal(path, id_map=IdMap(((255, None),)))


@pytest.mark.parametrize("changes", [((0, 0),), ((0, 1), (1, 0)), ((1, 1),)])
def test_what_somebody_said_of_the_ids_is_meant(tmp_path: Path, changes: tuple[tuple[int, int], ...]) -> None:
    path = save(tmp_path / "1.png", [ROAD, BLACK], [0, 1])
    assert examine_masks([path], classes=2, ignore_index=255, id_map=IdMap(changes)).doubts == ()


@pytest.mark.parametrize(
    ("colors", "ids"),
    [
        ([BLACK, WHITE], [0, 1]),
        ([BLACK, ROAD], [0, 1]),
        ([ROAD, CAR], [0, 1]),
        ([WHITE, ROAD], [0, 1]),
        ([WHITE, BLACK, ROAD], [0, 1, 2]),
        ([WHITE, BLACK, ROAD], [0, 2]),
    ],
)
def test_other_palettes_are_as_they_are(tmp_path: Path, colors: list[tuple[int, int, int]], ids: list[int]) -> None:
    """Black first, as in VOC's palette, none at all, or of more classes than two."""
    assert doubts(save(tmp_path / "1.png", colors, ids)) == ()


def test_two_of_many_classes_in_one_mask_are_no_two_colours(tmp_path: Path) -> None:
    palette = [WHITE, BLACK, ROAD]
    assert doubts(save(tmp_path / "1.png", palette, [0, 1]), save(tmp_path / "2.png", palette, [0, 1, 2])) == ()


def test_label_maps_of_hypseg_have_the_colours_of_their_classes(tmp_path: Path) -> None:
    ids, palette = np.repeat(np.array([[0, 1]], np.uint8), 4, axis=0), np.array([WHITE, BLACK], np.uint8)
    (tmp_path / "1.png").write_bytes(encode_indexed_png(ids, palette, MapMetadata(kind="labels").png_text()))
    assert doubts(tmp_path / "1.png") == ()
    (tmp_path / "1.png").write_bytes(encode_indexed_png(ids, palette, {}))
    assert "may be inverted" in refusal(tmp_path / "1.png")
