"""Miniature copies of published sets, each laid out as it unpacks; masks hold the values that a test gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from hypsegcli.training.layouts import Layout, Source, SplitName
from hypsegcli.truth.masks import read_mask
from support import photograph

Values = Sequence[int]
SIZE = (64, 80)


def areas(values: Values) -> NDArray[np.uint8]:
    """A mask with a vertical strip of each value."""
    height, width = SIZE
    return np.asarray(values, np.uint8)[np.arange(width) * len(values) // width][None].repeat(height, axis=0)


def put_image(path: Path) -> None:
    photograph(path, size=SIZE[::-1], seed=len(path.stem))


def put_mask(path: Path, values: Values) -> None:
    """Grey where a set's masks are grey, with a palette in VOC; as MATLAB's in a .mat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = areas(values)
    if path.suffix == ".mat":
        savemat(path, {"S": mask} if "annotations" in path.parts else {"GTcls": {"Segmentation": mask}})
        return
    image = Image.fromarray(mask)
    if path.parent.name == "SegmentationClass":
        image.putpalette([value * 7 % 256 for value in range(768)])
        assert image.mode == "P"
    image.save(path)


def put_text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def make_voc(root: Path, train: Mapping[str, Values], val: Mapping[str, Values], *, images: Sequence[str] = ()) -> Path:
    """VOC 2012; `images` have masks of SBD alone."""
    for name, names in (("train", train), ("val", val)):
        put_text(root / f"ImageSets/Segmentation/{name}.txt", *names)
    for name, values in (train | val).items():  # type: ignore[operator]
        put_mask(root / f"SegmentationClass/{name}.png", values)
    for name in (*train, *val, *images):
        put_image(root / f"JPEGImages/{name}.jpg")
    return root


def make_context(root: Path, train: Mapping[str, Values], val: Mapping[str, Values]) -> Path:
    for name, masks in (("train", train), ("val", val)):
        put_text(root / f"ImageSets/SegmentationContext/{name}.txt", *masks)
        for key, values in masks.items():
            put_mask(root / f"SegmentationClassContext/{key}.png", values)
            put_image(root / f"JPEGImages/{key}.jpg")
    return root


def make_ade(root: Path, train: Values, val: Values, names: Sequence[str] = ()) -> Path:
    names = names or [f"thing {number}, object {number} " for number in range(1, 151)]
    rows = (f"{number} \t0.1\t1\t1\t{name}" for number, name in enumerate(names, start=1))
    put_text(root / "objectInfo150.txt", "Idx\tRatio\tTrain\tVal\tName", *rows)
    for split, short, values in (("training", "train", train), ("validation", "val", val)):
        for number in (1, 2):
            put_image(root / f"images/{split}/ADE_{short}_{number:08}.jpg")
            put_mask(root / f"annotations/{split}/ADE_{short}_{number:08}.png", values)
    return root


def make_cityscapes(root: Path, train: Values, val: Values, *, kind: str = "labelIds") -> Path:
    for split, values in (("train", train), ("val", val)):
        for city in ("aachen", "bochum"):
            stem = f"{city}_000000_000019"
            put_image(root / f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png")
            put_mask(root / f"gtFine/{split}/{city}/{stem}_gtFine_{kind}.png", values)
    return root


def make_coco_stuff(
    root: Path, train: Values, val: Values, *, images: str = "images/", masks: str = "annotations/"
) -> Path:
    for split, values in (("train2017", train), ("val2017", val)):
        for number in (9, 25):
            put_image(root / f"{images}{split}/{number:012}.jpg")
            put_mask(root / f"{masks}{split}/{number:012}.png", values)
    return root


def make_coco_stuff_10k(root: Path, values: Values, *, count: int = 12) -> Path:
    names = [f"COCO_train2014_{number:012}" for number in range(count + 1)]
    put_text(root / "imageLists/train.txt", *names[:-1])
    put_text(root / "imageLists/test.txt", names[-1])
    for name in names:
        put_image(root / f"images/{name}.jpg")
        put_mask(root / f"annotations/{name}.mat", values)
    return root


def classes_of(source: Source, split: SplitName, key: str = "") -> list[int]:
    """The classes of the strips of a mask, the first one unless it is named; K for void."""
    pairs = {pair.key: pair for pair in source.pairs(split)}
    pair = pairs[key or min(pairs)]
    ids = read_mask(pair.mask, classes=source.tree.classes, ignore_index=255, id_map=source.id_map)
    row = ids[0].astype(int)
    return [int(row[0]), *(int(b) for a, b in pairwise(row) if a != b)]


def read_all(layout: Layout, root: Path) -> Source:
    """A source whose pairs have been looked for, as a training does before it begins."""
    source = layout.read(root)
    source.pairs("train")
    source.pairs("val")
    return source


def keys(source: Source, split: SplitName) -> list[str]:
    return [pair.key for pair in source.pairs(split)]
