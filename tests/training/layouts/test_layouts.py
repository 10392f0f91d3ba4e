"""Which layout a folder is taken for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from support.layouts import (
    classes_of,
    make_ade,
    make_cityscapes,
    make_coco_stuff,
    make_coco_stuff_10k,
    make_context,
    make_voc,
)
from support.tiny_data import NAMES, make_data

from hypsegcli.errors import DataError, HypsegError
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.layouts import REGISTRY, SplitName, open_source
from hypsegcli.training.layouts.voc import NAMES as VOC_NAMES

COPIES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "hypseg": ("", make_data),
    "voc": ("VOCdevkit/VOC2012", lambda root: make_voc(root, {"a": (0, 1)}, {"b": (0, 1)})),
    "pascal-context": ("VOCdevkit/VOC2010", lambda root: make_context(root, {"a": (1, 2)}, {"b": (1, 2)})),
    "ade20k": ("ADEChallengeData2016", lambda root: make_ade(root, (1, 2), (1, 2))),
    "cityscapes": ("cityscapes", lambda root: make_cityscapes(root, (7, 8), (7, 8))),
    "coco-stuff": ("dataset", lambda root: make_coco_stuff(root, (0, 1), (0, 1))),
    "coco-stuff 10k": ("coco_stuff10k", lambda root: make_coco_stuff_10k(root, (1, 2))),
}


def test_the_setting_names_every_layout() -> None:
    names = [layout.name for layout in REGISTRY]
    assert sorted(get_args(TrainConfig.model_fields["layout"].annotation)) == sorted(["auto", *names])
    assert {*names} == {kind.partition(" ")[0] for kind in COPIES}


@pytest.mark.parametrize("kind", COPIES)
def test_a_set_is_recognised_as_it_unpacks(tmp_path: Path, kind: str) -> None:
    """From the folder that it was unpacked in, from its own, and by its name."""
    below, make = COPIES[kind]
    make(tmp_path / below)
    name = kind.partition(" ")[0]
    sources = [open_source(data, layout) for data in (tmp_path, tmp_path / below) for layout in ("auto", name)]
    splits: tuple[SplitName, ...] = ("train", "val")
    for split in splits:
        found = {(source.tree, source.id_map, source.notes, source.pairs(split)) for source in sources}
        assert len(found) == 1
        assert kind == "hypseg" or classes_of(sources[0], split) == [0, 1]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("leftImg8bit/train", "gtFine: is missing"),
        ("VOC2012/JPEGImages", "VOC2012/SegmentationClass: is missing"),
        ("ADEChallengeData2016/images/training", "objectInfo150.txt: is missing"),
        ("train2017", "train2017: holds no *.jpg"),
        ("VOCdevkit/VOC2010/SegmentationClassContext", "VOC2010/JPEGImages: is missing"),
        ("imageLists", "/images: is missing"),
        ("train/images", "classes.txt: cannot read the class list"),
    ],
)
def test_a_set_is_recognised_by_one_of_its_parts(tmp_path: Path, part: str, sentence: str) -> None:
    (tmp_path / part).mkdir(parents=True)
    with pytest.raises(HypsegError, match=re.escape(sentence)):
        open_source(tmp_path, "auto").pairs("train")


def test_pascal_context_lies_in_a_folder_of_voc(tmp_path: Path) -> None:
    root = tmp_path / "VOCdevkit/VOC2010"
    make_context(root, {"a": (1, 2)}, {"b": (1, 2)})
    make_voc(root, {"a": (3,), "c": (4,)}, {"b": (5,)})
    assert open_source(tmp_path, "auto").tree.classes == 59
    assert open_source(root, "voc").tree.classes == 21


def test_a_list_of_classes_beside_a_known_set_does_not_hide_it(tmp_path: Path) -> None:
    make_cityscapes(tmp_path, (7,), (8,))
    (tmp_path / "classes.txt").write_text("0:road\n")
    with pytest.raises(DataError, match="which are not the 19 of cityscapes"):
        open_source(tmp_path, "auto")
    assert open_source(make_data(tmp_path / "own"), "auto").tree.names == NAMES


def test_of_several_sets_one_is_named(tmp_path: Path) -> None:
    for kind in ("voc", "pascal-context"):
        below, make = COPIES[kind]
        make(tmp_path / below)
    with pytest.raises(DataError) as caught:
        open_source(tmp_path, "auto")
    assert str(caught.value) == (
        f"{tmp_path}: holds pascal-context in {tmp_path}/VOCdevkit/VOC2010 and voc in {tmp_path}/VOCdevkit/VOC2012; "
        "name the one that is meant, such as layout=pascal-context"
    )
    assert open_source(tmp_path, "voc").tree.classes == 21


def test_a_folder_of_no_layout(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(
        DataError, match=r"holds no set of a layout that is known, .*; hypseg by classes\.txt or train/"
    ):
        open_source(tmp_path, "auto")
    with pytest.raises(DataError, match=r"/nowhere: there is no such folder"):
        open_source(tmp_path / "nowhere", "auto")
    with pytest.raises(DataError, match=r"/leftImg8bit: is missing \(nor .*\); unpack leftImg8bit_trainvaltest\.zip"):
        open_source(tmp_path, "cityscapes")


def test_a_class_tree_in_the_folder_is_taken(tmp_path: Path) -> None:
    make_data(tmp_path / "own")
    assert open_source(tmp_path / "own", "auto").tree.is_flat
    (tmp_path / "own" / "hierarchy.json").write_text('{"root": {"dark": {}, "coloured": {"red": {}, "green": {}}}}')
    tree = open_source(tmp_path / "own", "auto").tree
    assert (tree.names, tree.parents) == ((*NAMES, "coloured"), (-1, 3, 3, -1))
    make_voc(tmp_path / "VOC2012", {"a": (0, 1)}, {"b": (0, 1)})
    nested: dict[str, object] = {"root": {"all": {name: {} for name in VOC_NAMES}}}
    (tmp_path / "hierarchy.json").write_text(json.dumps(nested))
    assert open_source(tmp_path, "voc").tree.names[21:] == ("all",)


def test_a_set_of_one_s_own_that_lies_as_voc_has_the_classes_that_it_lists(tmp_path: Path) -> None:
    """As labelme and many tutorials write it: in its masks 1 is no aeroplane."""
    make_voc(tmp_path, {"a": (0, 1, 255), "c": (2,)}, {"b": (0, 2)})
    assert open_source(tmp_path, "auto").tree.names[:21] == VOC_NAMES
    (tmp_path / "classes.txt").write_text("".join(f"{index}:{name}\n" for index, name in enumerate(VOC_NAMES)))
    source = open_source(tmp_path, "auto")
    assert (source.tree.is_flat, source.notes) == (False, ())
    (tmp_path / "classes.txt").write_text("0:background\n1:crack\n2:rust\n")
    source = open_source(tmp_path, "auto")
    assert (source.tree.names, source.tree.is_flat) == (("background", "crack", "rust"), True)
    assert classes_of(source, "train", "a") == [0, 1, 3]
    assert classes_of(source, "val") == [0, 2]
    told = f"classes: those of {tmp_path / 'classes.txt'}, by the ids of the masks, and not the 21 of voc"
    assert source.notes == (told,)
    (tmp_path / "hierarchy.json").write_text(
        json.dumps({"root": {"background": {}, "harm": {"crack": {}, "rust": {}}}})
    )
    assert open_source(tmp_path, "voc").tree.names[3:] == ("harm",)
    (tmp_path / "classes.txt").write_text("crack\nrust\n")
    with pytest.raises(HypsegError, match=r"classes\.txt, line 1: found 'crack', expected 'id:name'"):
        open_source(tmp_path, "auto")


@pytest.mark.parametrize("kind", ["pascal-context", "ade20k", "cityscapes", "coco-stuff"])
def test_other_classes_than_those_of_a_known_set_are_refused(tmp_path: Path, kind: str) -> None:
    COPIES[kind][1](tmp_path)
    names = open_source(tmp_path, kind).tree
    (tmp_path / "classes.txt").write_text(
        "".join(f"{index}:{name}\n" for index, name in enumerate(names.names[: names.classes]))
    )
    open_source(tmp_path, kind)
    (tmp_path / "classes.txt").write_text("0:background\n1:crack\n")
    with pytest.raises(DataError, match=rf"names 2 classes, which are not the {names.classes} of {kind}, as which"):
        open_source(tmp_path, kind)
