"""ADE20K in miniature."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.layouts import classes_of, keys, make_ade, read_all

from hypsegcli.errors import DataError, PlanError
from hypsegcli.training.layouts.ade20k import ADE20K


def test_0_is_void_and_classes_begin_at_1(tmp_path: Path) -> None:
    source = ADE20K.read(make_ade(tmp_path, (0, 1, 150), (2,)))
    assert (source.tree.classes, source.tree.is_flat) == (150, True)
    assert classes_of(source, "train") == [150, 0, 149]
    assert classes_of(source, "val") == [1]
    assert keys(source, "train") == ["ADE_train_00000001", "ADE_train_00000002"]
    assert keys(source, "val") == ["ADE_val_00000001", "ADE_val_00000002"]


def test_a_class_is_called_by_its_first_synonym_unless_an_earlier_one_is(tmp_path: Path) -> None:
    names = ["wall", "building, edifice", "screen door, screen", "screen, silver screen", "screen, blind"]
    names += [f"other {number}" for number in range(145)]
    source = ADE20K.read(make_ade(tmp_path, (1,), (1,), names))
    assert source.tree.names[:5] == ("wall", "building", "screen door", "screen", "screen, blind")


@pytest.mark.parametrize("part", ["objectInfo150.txt", "images/training", "annotations/validation"])
def test_a_missing_part_is_named_and_where_to_get_it(tmp_path: Path, part: str) -> None:
    root = make_ade(tmp_path, (1,), (1,))
    if (root / part).is_dir():
        shutil.rmtree(root / part)
    else:
        (root / part).unlink()
    with pytest.raises(DataError, match=rf"{part}: is missing; it is in ADEChallengeData2016\.zip"):
        read_all(ADE20K, root)


def test_a_mask_without_its_image(tmp_path: Path) -> None:
    root = make_ade(tmp_path, (1,), (1,))
    (root / "images/training/ADE_train_00000002.jpg").unlink()
    with pytest.raises(PlanError, match=r"1 of 2 masks without images: \S*ADE_train_00000002\.png"):
        read_all(ADE20K, root)


@pytest.mark.parametrize("text", ["", "1\twall\n2\tbuilding\n", "\xff"], ids=["empty", "short", "not UTF-8"])
def test_another_list_of_names(tmp_path: Path, text: str) -> None:
    root = make_ade(tmp_path, (1,), (1,))
    (root / "objectInfo150.txt").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"objectInfo150\.txt: (expected a line of titles and 150|cannot be read)"):
        read_all(ADE20K, root)
