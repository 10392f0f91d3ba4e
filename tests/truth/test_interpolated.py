"""Masks that were interpolated are told from masks as they were drawn."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Resampling
from support import SHARED

from hypsegcli.truth.interpolated import Interpolated, is_interpolated

SMOOTH = (Resampling.BILINEAR, Resampling.BICUBIC, Resampling.LANCZOS)


def drawn(seed: int, ids: int = 11, size: tuple[int, int] = (180, 240)) -> np.ndarray:
    """Rectangles of random ids."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    for _ in range(25):
        y, x, h, w = rng.integers(0, 150), rng.integers(0, 200), rng.integers(15, 60), rng.integers(15, 60)
        mask[y : y + h, x : x + w] = rng.integers(0, ids)
    return mask


def resized(mask: np.ndarray, factor: float, how: Resampling) -> np.ndarray:
    size = (round(mask.shape[1] * factor), round(mask.shape[0] * factor))
    return np.array(Image.fromarray(mask).resize(size, how))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("factor", [0.4, 0.9, 1.7, 2, 3])
def test_rectangles(seed: int, factor: float) -> None:
    mask = drawn(seed)
    assert not is_interpolated(mask)
    assert not is_interpolated(resized(mask, factor, Resampling.NEAREST))
    for how in SMOOTH:
        assert is_interpolated(resized(mask, factor, how)), how
    assert is_interpolated(resized(mask, factor, Resampling.BILINEAR).astype(np.uint16) * 3)


def test_a_lossy_format() -> None:
    file = io.BytesIO()
    Image.fromarray(drawn(0)).save(file, "JPEG", quality=90)
    assert is_interpolated(np.array(Image.open(file)))


def test_two_ids_alone_tell_nothing_when_neighbours_and_all_when_apart() -> None:
    mask = (drawn(1) > 5).astype(np.uint8)
    assert not is_interpolated(resized(mask, 2, Resampling.BILINEAR))
    assert is_interpolated(resized(mask * 5, 2, Resampling.BILINEAR))


def test_a_class_drawn_as_a_line_around_another_is_none_of_it() -> None:
    mask = np.zeros((200, 200), np.uint8)
    for at in range(5, 190, 20):
        mask[at : at + 12, 20:180] = 1
        mask[at + 1 : at + 11, 21:179] = 2
    assert not is_interpolated(mask)
    mask[:, :15] = 1  # now it is a class with an area of its own, around all of which there is a line of it
    mask[:, 185:] = 1
    assert is_interpolated(mask)


@pytest.mark.parametrize("ids", [3, 11, 200])
def test_noise_and_ramps_have_no_areas(ids: int) -> None:
    noise = np.random.default_rng(0).integers(0, ids, (120, 150)).astype(np.uint8)
    assert not is_interpolated(noise)
    assert not is_interpolated(np.tile(np.arange(ids, dtype=np.uint8), (40, 1)))
    assert not is_interpolated(np.zeros((1, 1), np.uint8))
    assert not is_interpolated(np.zeros((0, 3), np.uint8))


def test_edges_that_tell_nothing() -> None:
    """Neighbouring ids, hardly an edge, and noise; a step between ids that are apart tells that it is none."""
    mask = (drawn(1) > 5).astype(np.uint8)
    few = np.zeros((40, 40), np.uint8)
    few[:4, :4] = 7
    noise = np.random.default_rng(0).integers(0, 11, (120, 150)).astype(np.uint8)
    for values in (mask, few, noise, np.zeros((9, 9), np.uint8)):
        assert is_interpolated(values) is None
    for kind in (np.uint8, np.uint16, np.int32):
        assert is_interpolated(drawn(1).astype(kind) * 2) is False


def test_it_is_the_set_where_a_quarter_of_those_that_can_tell_look_so() -> None:
    def found(*masks: bool | None, refused: tuple[int, ...] = ()) -> bool:
        seen = Interpolated()
        for number, mask in enumerate(masks):
            seen.add(Path(f"{number}.png"), mask)
        return seen.is_mistake([Path(f"{number}.png") for number in refused])

    assert found(True)
    assert found(True, False, False, False)
    assert found(True, *[None] * 30)
    assert not found(True, *[False] * 4)
    assert not found(False, None)
    assert not found()
    assert found(*[False] * 9, True, True, None, refused=(9, 10, 11))  # those are refused in any case: why?
    assert not found(True, *[False] * 9, refused=(0, 1))
    assert not found(True, False, refused=(1,))


def test_a_few_of_many_are_named() -> None:
    seen = Interpolated()
    assert seen.doubt("masks") is None
    seen.add(Path("a.png"), True)
    assert (seen.doubt("masks") or "").startswith("1 of the masks looks interpolated, with ids at edges between those")
    for number in range(9):
        seen.add(Path(f"{number}.png"), True)
    assert "10 of the label maps look" in (seen.doubt("label maps") or "")
    assert "(a.png, 0.png, 1.png, 2.png, 3.png, 4.png, 5.png, 6.png and 2 more); go back" in (seen.doubt("masks") or "")


@pytest.mark.parametrize("name", ["camvid", "clothing", "facades", "nuclei"])
def test_real_masks(name: str) -> None:
    folder = SHARED / name / "val/masks"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: nothing is tested on real masks here")
    for path in sorted(folder.iterdir())[::10]:
        with Image.open(path) as image:
            mask = np.array(image)
        for factor in (1, 0.5, 0.2, 1.7):
            assert not is_interpolated(resized(mask, factor, Resampling.NEAREST)), path
        if name != "nuclei":  # two ids that are neighbours
            for factor in (0.5, 2):
                assert is_interpolated(resized(mask, factor, Resampling.BILINEAR)), path
