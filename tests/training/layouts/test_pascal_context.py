"""Pascal Context in miniature."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.layouts import classes_of, keys, make_context, read_all

from hypsegcli.errors import DataError
from hypsegcli.training.layouts.pascal_context import NAMES, PASCAL_CONTEXT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_context(tmp_path / "VOC2010", {"b": (0, 1), "a": (59, 37)}, {"c": (2,)})


def test_background_is_void_and_classes_begin_at_1(root: Path) -> None:
    source = PASCAL_CONTEXT.read(root)
    assert source.tree.is_flat
    assert (keys(source, "train"), keys(source, "val")) == (["a", "b"], ["c"])
    assert classes_of(source, "train", "b") == [59, 0]
    assert [NAMES[k] for k in classes_of(source, "train", "a")] == ["wood", "person"]


def test_classes_are_in_the_order_of_the_459_labels_that_they_are_of(root: Path) -> None:
    """Which is that of the alphabet, but for table, which is diningtable there."""
    assert len(NAMES) == 59
    assert list(NAMES) == sorted(NAMES)


@pytest.mark.parametrize(
    ("part", "get"),
    [
        ("JPEGImages", "it is in VOCtrainval_03-May-2010"),
        ("SegmentationClassContext", "it is made from trainval_merged"),
        ("ImageSets/SegmentationContext", "it is made from trainval_merged"),
    ],
)
def test_a_missing_part_is_named_and_how_to_get_it(root: Path, part: str, get: str) -> None:
    shutil.rmtree(root / part)
    with pytest.raises(DataError, match=rf"{part}(/train\.txt)?: is missing; {get}"):
        read_all(PASCAL_CONTEXT, root)
