"""Cityscapes in miniature, against the table of its own scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.layouts import classes_of, keys, make_cityscapes, read_all

from hypsegcli.errors import DataError, PlanError
from hypsegcli.training.layouts.cityscapes import CITYSCAPES, NAMES


def test_label_ids_become_train_ids(tmp_path: Path) -> None:
    source = CITYSCAPES.read(make_cityscapes(tmp_path, (7, 0, 33, 255), (8,)))
    assert [NAMES[k] if k < 19 else None for k in classes_of(source, "train")] == ["road", None, "bicycle", None]
    assert classes_of(source, "val") == [1]
    assert keys(source, "train") == ["aachen/aachen_000000_000019", "bochum/bochum_000000_000019"]


def test_every_label_is_as_in_cityscapes_own_table(tmp_path: Path) -> None:
    helpers = pytest.importorskip("cityscapesscripts.helpers.labels")
    drawn = [label for label in helpers.labels if label.id >= 0]
    source = CITYSCAPES.read(make_cityscapes(tmp_path, [label.id for label in drawn], (7,)))
    assert source.id_map is not None
    ids = {
        label.id: classes_of(CITYSCAPES.read(make_cityscapes(tmp_path, (label.id,), (7,))), "train") for label in drawn
    }
    for label in drawn:
        assert ids[label.id] == [19 if label.ignoreInEval else label.trainId], label.name
        if not label.ignoreInEval:
            assert NAMES[label.trainId] == label.name
            assert source.tree.names[source.tree.path(label.trainId)[0]] == label.category


def test_train_ids_where_there_are_no_others(tmp_path: Path) -> None:
    source = CITYSCAPES.read(make_cityscapes(tmp_path, (0, 255, 18), (1,), kind="labelTrainIds"))
    assert classes_of(source, "train") == [0, 19, 18]
    make_cityscapes(tmp_path, (7,), (8,))  # as the scripts make them beside those that were downloaded
    source = CITYSCAPES.read(tmp_path)
    assert (classes_of(source, "train"), classes_of(source, "val")) == ([0], [1])


def test_archives_that_unpacked_to_folders_of_their_own(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, (7,), (8,))
    for name in ("leftImg8bit", "gtFine"):
        (root / f"{name}_trainvaltest").mkdir()
        (root / name).rename(root / f"{name}_trainvaltest" / name)
    assert CITYSCAPES.root(tmp_path) == tmp_path
    assert len(CITYSCAPES.read(root).pairs("train")) == 2


@pytest.mark.parametrize(
    ("part", "archive"),
    [("gtFine", "gtFine_trainvaltest.zip"), ("leftImg8bit", "leftImg8bit_trainvaltest.zip"), ("gtFine/val", "gtFine_")],
)
def test_a_missing_part_is_named_and_where_to_get_it(tmp_path: Path, part: str, archive: str) -> None:
    root = make_cityscapes(tmp_path, (7,), (8,))
    shutil.rmtree(root / part)
    with pytest.raises(DataError, match=rf"{part}: is missing.*; unpack {archive}"):
        read_all(CITYSCAPES, root)


def test_a_city_without_masks_and_a_mask_without_its_image(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, (7,), (8,))
    (root / "leftImg8bit/train/bochum/bochum_000000_000019_leftImg8bit.png").rename(
        root / "leftImg8bit/train/bochum/bochum_000000_000020_leftImg8bit.png"
    )
    with pytest.raises(PlanError, match=r"1 of 2 masks without images: \S*bochum_000000_000019_gtFine_labelIds\.png"):
        read_all(CITYSCAPES, root)
    (root / "gtFine/train/bochum/bochum_000000_000019_gtFine_labelIds.png").unlink()
    with pytest.raises(DataError, match=r"gtFine/train/bochum: holds no \*_gtFine_labelIds\.png; unpack gtFine_"):
        read_all(CITYSCAPES, root)


def test_no_training_may_write_where_its_folder_would_be_a_city(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, (7,), (8,))
    assert CITYSCAPES.read(root).folders == (root / "leftImg8bit", root / "gtFine")
