"""A few masks in black and white among masks of ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.truth.check import examine_masks
from hypsegcli.truth.masks import IdMap

IDS, WHITE, VOID, EMPTY = (0, 1), (0, 255), (0, 1, 255), (0,)


def doubts(folder: Path, *masks: tuple[int, ...], **options: object) -> str:
    paths = []
    for number, values in enumerate(masks):
        paths.append(folder / f"{number}.png")
        Image.fromarray(np.resize(np.array(values, np.uint8), (6, 6))).save(paths[-1])
    given: dict[str, object] = {"ignore_index": 255, "id_map": None, "names": ("sky", "cell")}
    return "; ".join(examine_masks(paths, classes=2, **given | options).doubts)  # type: ignore[arg-type]


@pytest.mark.parametrize("masks", [(IDS, WHITE), (WHITE, IDS, IDS, EMPTY)])
def test_black_and_white_masks_among_others_are_told(tmp_path: Path, masks: tuple[tuple[int, ...], ...]) -> None:
    path = tmp_path / f"{masks.index(WHITE)}.png"
    assert f"1 of the masks, such as {path}, hold nothing but 0 and 255, which means void" in doubts(tmp_path, *masks)


@pytest.mark.parametrize("masks", [(IDS, IDS), (IDS, EMPTY), (IDS, VOID, WHITE)])
def test_void_that_others_hold_too_is_void(tmp_path: Path, masks: tuple[tuple[int, ...], ...]) -> None:
    assert doubts(tmp_path, *masks) == ""


def test_white_that_is_said_to_be_a_class_is_one(tmp_path: Path) -> None:
    assert doubts(tmp_path, IDS, WHITE, id_map=IdMap(((255, 1),))) == ""
