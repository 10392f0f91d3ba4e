"""PASCAL VOC 2012 as it unpacks, 21 classes with background, alone or with the masks of SBD.

VOCdevkit/VOC2012/JPEGImages/*.jpg  SegmentationClass/*.png  ImageSets/Segmentation/{train,val}.txt
SBD as PNGs:       VOC2012/SegmentationClassAug/*.png, with a list such as ImageSets/Segmentation/train_aug.txt
SBD as published:  benchmark_RELEASE/dataset/cls/*.mat

The border of an object, 255, is void. Sets of others lie so too: with a classes.txt beside JPEGImages the classes are
those, by the ids of the masks. The tree is the superclasses of Everingham et al., "The PASCAL Visual Object
Classes (VOC) Challenge", IJCV 2010. No image of VOC's val is trained on, though SBD has masks of them.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.errors import DataError
from hypsegcli.training.layouts.source import (
    Layout,
    Source,
    SplitName,
    find_part,
    group_classes,
    list_files,
    pair_listed,
    read_list,
)
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
SUPERCLASSES = {
    "": ("background", "person"),  # the superclass person has no other class
    "vehicle": ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    "household": ("bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor"),
    "animal": ("bird", "cat", "cow", "dog", "horse", "sheep"),
}

_LISTS = "ImageSets/Segmentation"
_AUG_LISTS = tuple(
    f"{folder}/{name}.txt"
    for folder in (_LISTS, "ImageSets/SegmentationAug", ".")
    for name in ("train_aug", "trainaug", "aug")
)
_SBD = tuple(
    f"{above}{folder}"
    for above in ("", "../", "../../")
    for folder in ("benchmark_RELEASE/dataset/cls", "VOCaug/dataset/cls", "SBD/cls", "sbd/cls", "dataset/cls", "cls")
)
_GET = "it is in VOCtrainval_11-May-2012.tar (host.robots.ox.ac.uk/pascal/VOC/voc2012), which unpacks to VOCdevkit"
_GET_SBD = (
    "put the PNGs of SBD there as SegmentationClassAug, or SBD as published (benchmark.tgz, which unpacks to "
    "benchmark_RELEASE) beside JPEGImages; to train on VOC alone remove that list"
)


def read(root: Path) -> Source:
    """See Layout."""
    images = find_part(root, "JPEGImages", get=_GET)
    own = find_part(root, "SegmentationClass", get=_GET)
    train, val = (read_list(find_part(root, f"{_LISTS}/{name}.txt", get=_GET)) for name in ("train", "val"))
    boundaries = _boundaries(root)
    masks = boundaries | {name: own / f"{name}.png" for name in train}  # VOC's own mask where both have one
    validated = set(val) & set(masks)
    notes, get = [], _GET
    if boundaries:
        get = _GET_SBD
        added = len(boundaries.keys() - {*train, *val})
        notes.append(
            f"train: {added} images have masks of SBD; {len(validated)} of val, which SBD has too, are left out"
        )

    def pairs(split: SplitName) -> tuple[Pair, ...]:
        if split == "val":
            return pair_listed({name: own / f"{name}.png" for name in val}, images, get=_GET)
        return pair_listed({name: masks[name] for name in masks.keys() - validated}, images, get=get)

    return Source(group_classes(NAMES, SUPERCLASSES), pairs, IdMap(((255, None),)), tuple(notes))


def _boundaries(root: Path) -> dict[str, Path]:
    """SBD's masks by the names of their images, those of val among them; none where there is no SBD."""
    listed = next((root / path for path in _AUG_LISTS if (root / path).is_file()), None)
    if (folder := root / "SegmentationClassAug").is_dir():
        masks = list_files(folder, ".png", get=_GET_SBD)
        return {name: folder / f"{name}.png" for name in read_list(listed)} if listed else masks
    published = next((root / path for path in _SBD if (root / path).is_dir()), None)
    if published:
        return list_files(published, ".mat", get=_GET_SBD)
    if listed:
        raise DataError(f"{listed}: lists images with masks of SBD, which are missing; {_GET_SBD}")
    return {}


VOC = Layout(
    "voc",
    ("", "VOC2012", "VOCdevkit/VOC2012"),
    ("JPEGImages", "SegmentationClass", "SegmentationClassAug", _LISTS),
    read,
    others=True,
)
