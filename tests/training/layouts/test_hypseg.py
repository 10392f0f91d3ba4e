"""The project's own layout: which files pair."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.labelled_runs import NUCLEI, STREETS, annotate, blobs, erase, make_run, stored

from hypsegcli.errors import DataError, PlanError, TreeError
from hypsegcli.training.layouts import open_source
from hypsegcli.training.layouts.hypseg import HYPSEG, pair_split
from hypsegcli.training.layouts.source import Reading, Source, SplitName
from hypsegcli.truth.masks import read_mask

Pairs = Callable[..., Path]
SPLITS: tuple[SplitName, ...] = ("train", "val")


def photo() -> NDArray[np.uint8]:
    return np.full((8, 10, 3), 90, np.uint8)


def mask() -> NDArray[np.uint8]:
    return np.zeros((8, 10), np.uint8)


def test_stems_pair_whatever_the_suffix(pairs: Pairs) -> None:
    folder = pairs(("a.b", None, mask()))
    Image.fromarray(photo()).save(folder / "train" / "images" / "a.b.JPG", "JPEG")
    (pair,) = pair_split(folder, "train")
    assert pair.image is not None
    assert pair.image.name == "a.b.JPG"


@pytest.mark.parametrize("lonely", ["images", "masks"])
def test_missing_partners_are_named(pairs: Pairs, lonely: str) -> None:
    only = (photo(), None) if lonely == "images" else (None, mask())
    folder = pairs(("both", photo(), mask()), *((f"alone{index}", *only) for index in range(7)))
    other = "masks" if lonely == "images" else "images"
    with pytest.raises(PlanError, match=rf"7 of 8 {lonely} without {other}: \S*alone0\.png, .*alone6\.png; "):
        pair_split(folder, "train")


def test_one_stem_twice(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), mask()))
    Image.fromarray(photo()).save(folder / "train" / "images" / "a.jpg")
    with pytest.raises(PlanError, match=r"images: 1 images are there twice under one name: .*a\.jpg and .*a\.png"):
        pair_split(folder, "train")


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train/images: no such folder; expected train/images, train/masks"):
        pair_split(tmp_path, "train")
    for kind in ("images", "masks"):
        (tmp_path / "train" / kind).mkdir(parents=True)
    with pytest.raises(PlanError, match="train/masks: the folder is empty"):
        pair_split(tmp_path, "train")


def flat_folder(folder: Path, images: int) -> Path:
    for number in range(images):
        for kind, content in (("images", photo()), ("masks", mask())):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(content).save(folder / kind / f"{number:02}.png")
    return folder


@pytest.mark.parametrize(("images", "held_back"), [(3, [1]), (5, [3]), (10, [3, 7]), (14, [3, 7])])
def test_of_images_without_splits_a_fifth_is_held_back(tmp_path: Path, images: int, held_back: list[int]) -> None:
    """Those whose names `sha256sum` puts first."""
    flat_folder(tmp_path, images)
    told: list[str] = []
    found = {split: [int(pair.key) for pair in pair_split(tmp_path, split, tell=told.append)] for split in SPLITS}
    assert found == {"train": [number for number in range(images) if number not in held_back], "val": held_back}
    names = ", ".join(f"{number:02}" for number in held_back)
    assert told == [
        f"{tmp_path}: has no val/; held back to validate on: {len(held_back)} of its {images} images, one in 5 by a "
        f"hash of their names: {names}"
    ]


@pytest.mark.parametrize(("images", "told"), [(1, "1 image with"), (2, "2 images with")])
def test_too_few_images_are_not_split(tmp_path: Path, images: int, told: str) -> None:
    with pytest.raises(DataError, match=f"{told} a mask: too few to train on and to validate on; it takes 3 at least"):
        pair_split(flat_folder(tmp_path, images), "train")


def test_an_ending_that_masks_alone_have_is_named(pairs: Pairs) -> None:
    folder = pairs(*((f"{stem}_gt", None, mask()) for stem in "abc"), *((stem, photo(), None) for stem in "abc"))
    with pytest.raises(PlanError, match=r"3 of 3 images would find their masks with mask_suffix=_gt$"):
        pair_split(folder, "train")


def test_the_order_is_that_of_names_as_texts(pairs: Pairs) -> None:
    """Not 9 before 10: an epoch's order follows from it, and a run that goes on must find it as it was."""
    folder = pairs(*((stem, photo(), mask()) for stem in ("9", "10", "B", "a")))
    assert [pair.key for pair in pair_split(folder, "train")] == [
        "10",
        "9",
        "B",
        "a",
    ]


def test_its_classes_are_those_of_the_list_and_its_ids_too(data: Path) -> None:
    source = HYPSEG.read(data)
    assert (source.tree.names, source.tree.is_flat, source.id_map) == (("dark", "red", "green"), True, None)
    assert (len(source.pairs("train")), len(source.pairs("val"))) == (6, 2)
    (data / "classes.txt").unlink()
    with pytest.raises(TreeError, match=r"classes\.txt: cannot read the class list"):
        HYPSEG.read(data)


def exported(root: Path, names: tuple[str, ...], keys: str = "abcdef") -> Path:
    """A folder of images beside which masks.zip lies, as CVAT exports it."""
    out = make_run(root / "run", names, {key: blobs(len(names), seed=ord(key)) for key in keys})
    data = root / "data"
    shutil.copytree(root / "run/photos", data / "images")
    shutil.copy(annotate(out, "cvat"), data / "masks.zip")
    return data


def ids_of(source: Source, split: SplitName) -> dict[str, NDArray[np.integer]]:
    K = source.tree.classes
    return {
        pair.key: read_mask(pair.mask, classes=K, ignore_index=255, id_map=source.id_map)
        for pair in source.pairs(split)
    }


def test_masks_may_be_what_a_tool_exported_and_need_no_list_of_classes(tmp_path: Path) -> None:
    data = exported(tmp_path, STREETS)
    told: list[str] = []
    source = open_source(data, "auto", tell=told.append)
    assert (source.tree.names, source.tree.is_flat) == (STREETS, True)
    found = ids_of(source, "train") | ids_of(source, "val")
    assert sorted(found) == list("abcdef")
    for key, ids in found.items():
        np.testing.assert_array_equal(ids, stored(tmp_path / "run/out", key))
    assert len([line for line in told if "pixels nobody labelled are void" in line]) == 1


def test_a_list_of_classes_numbers_them_whatever_the_export_does(tmp_path: Path) -> None:
    data = exported(tmp_path, STREETS)
    (data / "classes.txt").write_text("0:car\n1:tree\n2:road\n3:sky\n")
    for key, ids in ids_of(open_source(data, "auto"), "train").items():
        np.testing.assert_array_equal(ids, np.array([3, 2, 0])[stored(tmp_path / "run/out", key)])


def test_one_label_and_the_rest_take_a_word(tmp_path: Path) -> None:
    data = exported(tmp_path, NUCLEI)
    with pytest.raises(DataError, match=r"there is one label, nucleus.*unlabelled=background"):
        open_source(data, "auto")
    source = open_source(data, "auto", Reading(unlabelled="background"))
    assert source.tree.names == NUCLEI
    for key, ids in ids_of(source, "train").items():
        np.testing.assert_array_equal(ids, stored(tmp_path / "run/out", key))


def test_images_in_which_everything_was_erased_are_background(tmp_path: Path) -> None:
    """Held back or not; they are counted once, and left out before a share is held back where that is void."""
    data = exported(tmp_path, ("background", "a", "b"))
    erase(data / "masks.zip", "b", "c")
    (data / "classes.txt").write_text("0:background\n1:a\n2:b\n")
    told: list[str] = []
    source = open_source(data, "auto", tell=told.append)
    found = ids_of(source, "train") | ids_of(source, "val")
    assert sorted(found) == list("abcdef")
    for key, ids in found.items():
        assert ids.shape == (24, 32)
        assert bool(ids.any()) == (key not in "bc")
    assert len([line for line in told if "2 images that it lists without a mask" in line]) == 1
    told.clear()
    source = open_source(data, "auto", Reading(unlabelled="void"), tell=told.append)
    assert sorted(ids_of(source, "train") | ids_of(source, "val")) == list("adef")
    assert len([line for line in told if "left out: 2 images that it lists without a mask" in line]) == 1


def test_each_split_may_have_an_export_of_its_own(tmp_path: Path) -> None:
    """Of labels in another order: both are read by their names."""
    train, val = exported(tmp_path / "1", STREETS), exported(tmp_path / "2", STREETS[::-1], "xy")
    data = tmp_path / "both"
    data.mkdir()
    train.rename(data / "train")
    val.rename(data / "val")
    source = open_source(data, "auto")
    assert source.tree.names == STREETS
    for key, ids in ids_of(source, "val").items():
        np.testing.assert_array_equal(ids, 2 - stored(tmp_path / "2/run/out", key))
    (data / "val/masks.zip").unlink()
    (data / "val/masks").mkdir()
    for key in "xy":
        Image.fromarray(mask()).save(data / f"val/masks/{key}.png")
    with pytest.raises(DataError, match="the masks of val are files"):
        source.pairs("val")


def test_a_data_set_of_cvat_s_is_one(tmp_path: Path) -> None:
    """With its photographs in it; VOC's looks like it."""
    out = make_run(tmp_path, STREETS, {f"s/{key}": blobs(3, seed=ord(key)) for key in "abcdef"})
    with zipfile.ZipFile(annotate(out, "cvat", with_images=True)) as archive:
        archive.extractall(tmp_path / "set")
    source = open_source(tmp_path / "set", "auto")
    keys = [pair.key for split in SPLITS for pair in source.pairs(split)]
    assert sorted(keys) == [f"s/{key}" for key in "abcdef"]
    for key, ids in ids_of(source, "train").items():
        np.testing.assert_array_equal(ids, stored(out, key))


def test_two_kinds_of_masks_are_refused(tmp_path: Path) -> None:
    data = exported(tmp_path, STREETS)
    (data / "masks").mkdir()
    with pytest.raises(DataError, match=r"masks and \S*masks\.zip: are both masks; keep those that count"):
        open_source(data, "auto")
