"""COCO-Stuff in miniature: all of COCO, and the first 10k images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.layouts import classes_of, keys, make_coco_stuff, make_coco_stuff_10k, put_mask, read_all

from hypsegcli.errors import DataError
from hypsegcli.training.layouts.coco_stuff import CLASSES, COCO_STUFF

# Thing classes of COCO that have an id and are in no mask.
GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91}
ORDER = list(CLASSES)


def test_171_of_182_ids_have_a_class() -> None:
    assert [number for number in range(1, 183) if number not in GAPS] == ORDER
    assert len(CLASSES) == 171
    assert (CLASSES[1], CLASSES[13], CLASSES[90], CLASSES[92], CLASSES[182]) == (
        "person", "stop sign", "toothbrush", "banner", "wood",
    )  # fmt: skip
    stuff = [CLASSES[number] for number in range(92, 183)]
    assert stuff == sorted(stuff)


def test_a_value_stands_for_the_id_after_it_and_gaps_are_closed(tmp_path: Path) -> None:
    for published in range(1, 183):
        source = COCO_STUFF.read(make_coco_stuff(tmp_path, (published - 1, 255), (0,)))
        found = classes_of(source, "train")
        assert found == ([171] if published in GAPS else [ORDER.index(published), 171]), published
    assert classes_of(source, "val") == [0]
    assert keys(source, "train") == ["000000000009", "000000000025"]


def test_the_tree_is_things_and_stuff(tmp_path: Path) -> None:
    tree = COCO_STUFF.read(make_coco_stuff(tmp_path, (0,), (0,))).tree
    assert {tree.depth(k) for k in range(171)} == {4}
    assert len(tree.names) - 171 == 2 + 4 + 12 + 15

    def path(name: str) -> list[str]:
        return [tree.names[node] for node in tree.path(tree.names.index(name))]

    assert path("dog") == ["things", "outdoor-super-things", "animal-things", "dog"]
    assert path("sea") == ["stuff", "outdoor-super-stuff", "water-stuff", "sea"]
    assert path("rug") == ["stuff", "indoor-super-stuff", "textile-stuff", "rug"]
    things = [k for k in range(171) if tree.names[tree.path(k)[0]] == "things"]
    assert things == list(range(80))


@pytest.mark.parametrize(
    ("images", "masks"),
    [("", ""), ("", "stuffthingmaps/"), ("images/", "stuffthingmaps_trainval2017/"), ("images/", "images/")],
)
def test_wherever_its_archives_were_unpacked(tmp_path: Path, images: str, masks: str) -> None:
    root = make_coco_stuff(tmp_path, (181,), (0,), images=images, masks=masks)
    assert COCO_STUFF.root(root) == root
    source = COCO_STUFF.read(root)
    assert (classes_of(source, "train"), classes_of(source, "val")) == ([170], [0])


def test_masks_that_another_tool_made_beside_the_published_ones_are_left_alone(tmp_path: Path) -> None:
    root = make_coco_stuff(tmp_path, (0,), (0,))
    put_mask(root / "annotations/train2017/000000000009_labelTrainIds.png", (5,))
    assert len(COCO_STUFF.read(root).pairs("train")) == 2


def test_of_the_10k_0_is_void_and_every_tenth_image_is_for_validation(tmp_path: Path) -> None:
    source = COCO_STUFF.read(make_coco_stuff_10k(tmp_path, (0, 1, 182, 13, 12)))
    assert classes_of(source, "train") == [171, 0, 170, ORDER.index(13), 171]
    train, val = keys(source, "train"), keys(source, "val")
    assert val == ["COCO_train2014_000000000000", "COCO_train2014_000000000010"]
    assert len(train) == 10
    assert not {*train} & {*val}
    assert "COCO_train2014_000000000012" not in {*train, *val}, "that of test.txt"


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (
            "annotations",
            r"images/train2017: holds no \*\.png; unpack stuffthingmaps_trainval2017.zip .* into annotations",
        ),
        ("images", "images/train2017: is missing .*; unpack train2017.zip and val2017.zip"),
        ("images/val2017", "images/val2017: is missing .*; unpack train2017.zip and val2017.zip"),
    ],
)
def test_a_missing_part_is_named_and_where_to_get_it(tmp_path: Path, part: str, sentence: str) -> None:
    root = make_coco_stuff(tmp_path, (0,), (0,))
    shutil.rmtree(root / part)
    with pytest.raises(DataError, match=sentence):
        read_all(COCO_STUFF, root)


def test_coco_without_stuff(tmp_path: Path) -> None:
    root = make_coco_stuff(tmp_path, (0,), (0,), images="")
    shutil.rmtree(root / "annotations")
    with pytest.raises(DataError, match=r"train2017: holds no \*\.png; unpack stuffthingmaps_trainval2017\.zip"):
        read_all(COCO_STUFF, root)


def test_the_10k_without_their_annotations(tmp_path: Path) -> None:
    root = make_coco_stuff_10k(tmp_path, (1,))
    shutil.rmtree(root / "annotations")
    with pytest.raises(DataError, match=r"annotations: is missing; it is in cocostuff-10k-v1\.1\.zip"):
        read_all(COCO_STUFF, root)
