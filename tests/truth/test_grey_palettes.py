"""Palettes of greys: ids are their indices, where these can be told from the greys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import DataError
from hypsegcli.truth.check import examine_masks
from hypsegcli.truth.diagnose import MASKS, Wording
from hypsegcli.truth.masks import IdMap


def save(path: Path, ids: Sequence[int], palette: Sequence[int | tuple[int, int, int]] | None) -> Path:
    """Squares of ids, with a palette of greys and colours, or without one."""
    path.parent.mkdir(exist_ok=True)
    pixels = np.repeat(np.repeat(np.array([ids], np.uint8), 12, axis=0), 12, axis=1)
    image = Image.fromarray(pixels)
    if palette is not None:
        image = Image.fromarray(pixels, "P")
        colors = [(entry,) * 3 if isinstance(entry, int) else entry for entry in palette]
        image.putpalette([channel for color in colors for channel in color])
    image.save(path)
    return path


def refusal(*paths: Path, classes: int = 11, id_map: IdMap | None = None, wording: Wording = MASKS) -> str:
    with pytest.raises(DataError) as caught:
        examine_masks(paths, classes=classes, ignore_index=255, id_map=id_map, wording=wording)
    return str(caught.value)


def found(*paths: Path, classes: int = 11, id_map: IdMap | None = None) -> dict[int, int]:
    return dict(examine_masks(paths, classes=classes, ignore_index=255, id_map=id_map).pixels)


@pytest.mark.parametrize("suffix", ["png", "tif", "gif", "bmp"])
@pytest.mark.parametrize("greys", [(0, 2, 5), (5, 2, 0), (0, 2, 255), (2, 10)])
def test_ids_that_may_be_greys_or_indices_are_refused(tmp_path: Path, greys: tuple[int, ...], suffix: str) -> None:
    plain = save(tmp_path / "a.png", [0, 1, 2], None)
    path = save(tmp_path / f"b.{suffix}", range(len(greys)), greys)
    sentence = refusal(plain, path)
    index = next(index for index, grey in enumerate(greys) if index != grey)
    assert f"1 of 2 masks have a palette of greys, the first is {path}" in sentence
    assert f"the index {index} is the grey {greys[index]}" in sentence
    assert "mask_colors" in sentence
    assert "mask_colors" not in refusal(path, wording=Wording(translation=None, colors=None))


def test_a_grey_gif_is_refused(tmp_path: Path) -> None:
    """Pillow's, in which the palette holds but the greys that occur."""
    ids = np.repeat(np.array([[0, 2, 5]], np.uint8), 4, axis=1)
    Image.fromarray(ids).save(tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        assert np.array_equal(np.array(image.convert("L")), np.broadcast_to(ids, (1, 12)))
        assert not np.array_equal(np.array(image), np.broadcast_to(ids, (1, 12)))
    assert "palette of greys" in refusal(tmp_path / "a.gif")


@pytest.mark.parametrize(
    "palette", [(0, 127, 255), (0, 100, 200), (0, 255, 128), (7, 7, 7), (0, 2, 2), range(256), (0, 1, 2, 9)]
)
def test_ids_are_indices_where_the_greys_cannot_be_ids(tmp_path: Path, palette: Sequence[int]) -> None:
    """As they are spread for the eye, or the same."""
    assert found(save(tmp_path / "a.png", [0, 1, 2], palette)) == {0: 144, 1: 144, 2: 144}


@pytest.mark.parametrize("classes", [2, 11])
def test_black_and_white_are_two_classes(tmp_path: Path, classes: int) -> None:
    """White as the void id would leave a single class."""
    assert found(save(tmp_path / "a.png", [0, 1], [0, 255]), classes=classes) == {0: 144, 1: 144}


def test_white_alone_is_a_class_and_not_void(tmp_path: Path) -> None:
    assert found(save(tmp_path / "a.png", [0], [255])) == {0: 144}


def test_colours_in_any_mask_tell_that_ids_are_indices(tmp_path: Path) -> None:
    """Palettes cut to what occurs, of which one happens to be without colours."""
    grey = save(tmp_path / "a.png", [0, 1, 2], [0, 2, 5])
    assert refusal(grey)
    colored = save(tmp_path / "b.png", [0, 1, 2, 3], [0, 2, 5, (9, 0, 0)])
    assert found(grey, colored) == {0: 288, 1: 288, 2: 288, 3: 144}
    unused = save(tmp_path / "c.png", [0, 1, 2], [0, 2, 5, (9, 0, 0)])
    assert found(unused) == {0: 144, 1: 144, 2: 144}


def test_what_ids_become_decides_which_of_them_can_be(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", [0, 1, 2], [7, 8, 11])
    assert found(path, classes=3) == {0: 144, 1: 144, 2: 144}
    assert refusal(path, classes=3, id_map=IdMap(((7, 0), (8, 1), (11, 2))))
    assert refusal(save(tmp_path / "b.png", [0, 1], [1, 0]), classes=2)


def test_a_single_id_is_refused_too(tmp_path: Path) -> None:
    assert "the index 0 is the grey 5" in refusal(save(tmp_path / "a.png", [0], [5]))
