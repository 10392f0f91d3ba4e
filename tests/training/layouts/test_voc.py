"""PASCAL VOC 2012 in miniature, alone and with SBD in each of its forms."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.layouts import classes_of, keys, make_voc, put_mask, put_text, read_all

from hypsegcli.errors import DataError, PlanError
from hypsegcli.training.layouts.voc import NAMES, VOC

TRAIN = {"2007_000032": (0, 1, 255), "2007_000039": (0, 20)}
VAL = {"2007_000033": (0, 1)}
SBD = {"2007_000033": (0, 7), "2007_000039": (7,), "2008_000002": (0, 7), "2008_000015": (0, 2)}  # val, train, own
ADDED = ["2008_000002", "2008_000015"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_voc(tmp_path / "VOCdevkit" / "VOC2012", TRAIN, VAL, images=ADDED)


def put_aug(root: Path) -> None:
    for name, values in SBD.items():
        put_mask(root / f"SegmentationClassAug/{name}.png", values)


def put_published(folder: Path) -> None:
    for name, values in SBD.items():
        put_mask(folder / f"{name}.mat", values)


def test_classes_and_their_ids_are_those_of_the_development_kit(root: Path) -> None:
    source = VOC.read(root)
    assert source.tree.names[:21] == NAMES
    assert (len(NAMES), NAMES[0], NAMES[15], NAMES[20]) == (21, "background", "person", "tvmonitor")
    assert list(NAMES[1:]) == sorted(NAMES[1:])
    assert (keys(source, "train"), keys(source, "val")) == (list(TRAIN), list(VAL))
    assert classes_of(source, "train") == [0, 1, 21]
    assert classes_of(source, "train", "2007_000039") == [0, 20]
    assert source.notes == ()


def test_the_tree_is_the_superclasses(root: Path) -> None:
    tree = VOC.read(root).tree
    assert tree.names[21:] == ("vehicle", "household", "animal")
    of = {name: tree.names[tree.path(NAMES.index(name))[0]] for name in NAMES}
    assert [name for name in NAMES if of[name] == "animal"] == ["bird", "cat", "cow", "dog", "horse", "sheep"]
    assert (of["train"], of["pottedplant"], of["person"], of["background"]) == (
        "vehicle", "household", "person", "background",
    )  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["ImageSets/Segmentation/train_aug.txt", *SBD],
        ["ImageSets/Segmentation/trainaug.txt", *SBD, *TRAIN],
        ["ImageSets/Segmentation/aug.txt", *ADDED],
        [
            "ImageSets/SegmentationAug/train_aug.txt",
            *(f"/JPEGImages/{name}.jpg /SegmentationClassAug/{name}.png" for name in (*SBD, *TRAIN)),
        ],
    ],
    ids=lambda lines: lines[0] if lines else "no list",
)
def test_sbd_as_pngs_adds_images_and_none_of_val(root: Path, lines: list[str]) -> None:
    put_aug(root)
    put_mask(root / "SegmentationClassAug/2007_000032.png", (3,))
    if lines:
        put_text(root / lines[0], *lines[1:])
    source = VOC.read(root)
    assert keys(source, "train") == [*TRAIN, *ADDED]
    assert classes_of(source, "train", "2008_000002") == [0, 7]
    assert classes_of(source, "train", "2007_000032") == [0, 1, 21], "VOC's own mask where there are two"
    assert classes_of(source, "val") == [0, 1]
    assert source.notes[0].startswith("train: 2 images have masks of SBD; ")


@pytest.mark.parametrize("folder", ["benchmark_RELEASE/dataset/cls", "../VOCaug/dataset/cls", "../../SBD/cls"])
def test_sbd_as_published_adds_images_and_none_of_val(root: Path, folder: str) -> None:
    put_published(root / folder)
    source = VOC.read(root)
    assert keys(source, "train") == [*TRAIN, *ADDED]
    assert keys(source, "val") == list(VAL)
    assert classes_of(source, "train", "2008_000015") == [0, 2]
    assert classes_of(source, "train", "2007_000039") == [0, 20]
    assert source.notes == ("train: 2 images have masks of SBD; 1 of val, which SBD has too, are left out",)


def test_a_list_for_training_that_names_val_does_not_bring_it_in(root: Path) -> None:
    put_text(root / "ImageSets/Segmentation/train.txt", *TRAIN, *VAL)
    assert keys(VOC.read(root), "train") == list(TRAIN)


@pytest.mark.parametrize(
    "part",
    ["JPEGImages", "SegmentationClass", "ImageSets/Segmentation/train.txt", "ImageSets/Segmentation/val.txt"],
)
def test_a_missing_part_is_named_and_where_to_get_it(root: Path, part: str) -> None:
    if (root / part).is_dir():
        shutil.rmtree(root / part)
    else:
        (root / part).unlink()
    with pytest.raises(DataError, match=rf"{part}: is missing; it is in VOCtrainval_11-May-2012\.tar"):
        read_all(VOC, root)


def test_missing_files_are_named(root: Path) -> None:
    (root / "JPEGImages/2007_000039.jpg").unlink()
    with pytest.raises(PlanError, match=r"^1 of 4 listed files are missing: \S*2007_000039\.jpg; it is in VOCtrainval"):
        read_all(VOC, root)
    put_aug(root)
    (root / "JPEGImages/2007_000039.jpg").symlink_to(root / "JPEGImages/2007_000032.jpg")
    put_text(root / "ImageSets/Segmentation/trainaug.txt", *SBD, "2009_000001")
    with pytest.raises(PlanError, match=r"^2 of 10 listed .*2009_000001\.jpg, .*Aug/2009_000001\.png; put the PNGs of"):
        read_all(VOC, root)


def test_a_list_of_sbd_without_its_masks(root: Path) -> None:
    put_text(root / "ImageSets/Segmentation/trainaug.txt", *SBD)
    with pytest.raises(DataError, match=r"trainaug\.txt: lists images with masks of SBD, which are missing; put the"):
        read_all(VOC, root)
