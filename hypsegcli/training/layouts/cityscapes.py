"""Cityscapes as its two archives unpack, 19 classes in seven categories.

leftImg8bit/{train,val}/CITY/*_leftImg8bit.png  gtFine/{train,val}/CITY/*_gtFine_labelIds.png

Masks are the labelIds that were downloaded, of which all but 19 are void; *_gtFine_labelTrainIds.png where there are no
others. The tree is the categories of the set.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.training.layouts.source import Layout, Source, SplitName, find_part, group_classes, list_files
from hypsegcli.truth.diagnose import CITYSCAPES as LABEL_IDS
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair, pair_keys

CATEGORIES = {
    "flat": ("road", "sidewalk"),
    "construction": ("building", "wall", "fence"),
    "object": ("pole", "traffic light", "traffic sign"),
    "nature": ("vegetation", "terrain"),
    "": ("sky",),  # the category sky has no other class
    "human": ("person", "rider"),
    "vehicle": ("car", "truck", "bus", "train", "motorcycle", "bicycle"),
}
NAMES = tuple(name for names in CATEGORIES.values() for name in names)  # in the order of the trainIds

_VOID = {-1, 255, *range(34)} - set(LABEL_IDS)
_FROM_LABEL_IDS = IdMap(
    (*((label, train) for train, label in enumerate(LABEL_IDS)), *((label, None) for label in sorted(_VOID)))
)
_FROM_TRAIN_IDS = IdMap(((255, None),))

_IMAGES = ("leftImg8bit", "leftImg8bit_trainvaltest/leftImg8bit")
_MASKS = ("gtFine", "gtFine_trainvaltest/gtFine")
_GET_IMAGES = "unpack leftImg8bit_trainvaltest.zip (cityscapes-dataset.com) there"
_GET_MASKS = "unpack gtFine_trainvaltest.zip (cityscapes-dataset.com) there"


def read(root: Path) -> Source:
    """See Layout."""
    images = find_part(root, *_IMAGES, get=_GET_IMAGES)
    masks = find_part(root, *_MASKS, get=_GET_MASKS)
    downloaded = any(masks.glob("train/*/*_gtFine_labelIds.png"))
    ending = "_gtFine_labelIds.png" if downloaded else "_gtFine_labelTrainIds.png"

    def pairs(split: SplitName) -> tuple[Pair, ...]:
        return tuple(
            pair_keys(
                masks=_by_city(masks / split, ending, get=_GET_MASKS),
                images=_by_city(images / split, "_leftImg8bit.png", get=_GET_IMAGES),
            )
        )

    ids = _FROM_LABEL_IDS if downloaded else _FROM_TRAIN_IDS
    # Whatever folder comes to lie in them would be a city.
    return Source(group_classes(NAMES, CATEGORIES), pairs, ids, folders=(images, masks))


def _by_city(folder: Path, ending: str, *, get: str) -> dict[str, Path]:
    """The files of every city by city and name."""
    cities = [city for city in find_part(folder, ".", get=get).iterdir() if city.is_dir()]
    return {f"{city.name}/{name}": path for city in cities for name, path in list_files(city, ending, get=get).items()}


CITYSCAPES = Layout("cityscapes", ("", "cityscapes"), (*_IMAGES, *_MASKS), read)
