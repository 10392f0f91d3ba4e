"""Maps of ids that leave ids out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.truth.check import MaskSurvey, examine_masks
from hypsegcli.truth.diagnose import CITYSCAPES, LABEL_MAPS, MASKS, Wording
from hypsegcli.truth.masks import IdMap

NAMES = ("sky", "road", "car", "tree")


def surveyed(
    folder: Path, ids: list[int], id_map: IdMap, names: tuple[str, ...] = NAMES, wording: Wording = MASKS
) -> MaskSurvey:
    """Of two masks that hold a square of each id, the second one without the first id."""
    for name, held in (("a.png", ids), ("b.png", ids[1:])):
        Image.fromarray(np.kron(np.array([held]), np.ones((8, 8))).astype(np.uint8)).save(folder / name)
    paths = [folder / "a.png", folder / "b.png"]
    return examine_masks(paths, classes=len(names), ignore_index=255, id_map=id_map, names=names, wording=wording)


def test_the_lines_of_cityscapes_classes_alone_are_told(tmp_path: Path) -> None:
    names = tuple(f"c{index}" for index in range(len(CITYSCAPES)))
    lines = tuple((source, target) for target, source in enumerate(CITYSCAPES))
    (doubt,) = surveyed(tmp_path, [0, 1, 3, 4, 7, 8, 11, 26], IdMap(lines), names).doubts
    assert "0 (c0), 1 (c1), 3 (c3), 4 (c4); list them too, such as 0:void, or 0:0 where" in doubt
    rest = tuple((source, None) for source in range(34) if source not in CITYSCAPES)
    assert surveyed(tmp_path, [0, 1, 3, 4, 7, 8, 11, 26], IdMap(lines + rest), names).doubts == ()


@pytest.mark.parametrize(
    ("changes", "ids", "told"),
    [
        (((1, 0), (2, 1), (3, 2)), [0, 1, 2, 3], "0 (sky)"),
        (((10, 0), (20, 1)), [3, 10, 20], "3 (tree)"),  # to which no line leads, in masks that number in another way
        (((2, 1), (1, 0)), [0, 1, 2, 3], "0 (sky)"),
        (((10, 0), (20, 1), (30, 2), (40, 3)), [0, 2, 10, 20, 30, 40], "0 (sky), 2 (car)"),
    ],
)
def test_an_id_that_becomes_a_class_by_no_line_is_told(
    tmp_path: Path, changes: tuple[tuple[int, int], ...], ids: list[int], told: str
) -> None:
    survey = surveyed(tmp_path, ids, IdMap(changes))
    assert survey.doubts == (survey.unlisted,)
    assert f"it gives others new numbers: {told}; list them too" in survey.doubts[0]


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        (((255, 1),), [0, 255]),  # black and white
        (((40, None), (255, None)), [0, 1, 2, 40, 255]),
        (((0, 1), (1, 0)), [0, 1, 2, 3]),
        (((3, 2), (2, 2)), [0, 1, 2, 3]),  # merged, and said so
        (((1, 0), (2, 1), (0, None)), [0, 1, 2, 255]),
        (((1, 0), (2, 1)), [1, 2]),  # the id that might be mistaken does not occur
    ],
)
def test_a_map_that_says_all_it_means_is_not_doubted(
    tmp_path: Path, changes: tuple[tuple[int, int | None], ...], ids: list[int]
) -> None:
    assert surveyed(tmp_path, ids, IdMap(changes)).unlisted is None


def test_label_maps_name_their_own_setting(tmp_path: Path) -> None:
    doubt = surveyed(tmp_path, [0, 1, 2], IdMap(((1, 0), (2, 1))), wording=LABEL_MAPS).unlisted
    assert doubt is not None
    assert "the label maps hold ids that" in doubt
    assert "prediction_map" in doubt
