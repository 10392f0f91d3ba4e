"""COCO-Stuff as it unpacks, 171 classes below things and stuff: all of COCO 2017 (164k), or the first 10k images.

164k:  images/{train2017,val2017}/*.jpg, or {train2017,val2017}/*.jpg as COCO itself unpacks
       annotations/{train2017,val2017}/*.png, or stuffthingmaps/..., or beside the images
10k:   images/*.jpg  annotations/*.mat  imageLists/train.txt

The published ids run from 1 to 182 with gaps, in the order of the classes here. A value v of a PNG stands for id v + 1,
255 for void; one of a .mat for id v, 0 for void. Of the 10k the images of imageLists/test.txt are left alone, and every
tenth of train.txt is for validation. The tree is that of Caesar et al., "COCO-Stuff: Thing and Stuff Classes in
Context", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

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
from hypsegcli.truth.pairs import Pair, pair_keys

_TREE = {
    "things/outdoor-super-things/person-things": "1 person",
    "things/outdoor-super-things/vehicle-things": (
        "2 bicycle, 3 car, 4 motorcycle, 5 airplane, 6 bus, 7 train, 8 truck, 9 boat"
    ),
    "things/outdoor-super-things/outdoor-things": (
        "10 traffic light, 11 fire hydrant, 13 stop sign, 14 parking meter, 15 bench"
    ),
    "things/outdoor-super-things/animal-things": (
        "16 bird, 17 cat, 18 dog, 19 horse, 20 sheep, 21 cow, 22 elephant, 23 bear, 24 zebra, 25 giraffe"
    ),
    "things/outdoor-super-things/accessory-things": "27 backpack, 28 umbrella, 31 handbag, 32 tie, 33 suitcase",
    "things/outdoor-super-things/sports-things": (
        "34 frisbee, 35 skis, 36 snowboard, 37 sports ball, 38 kite, 39 baseball bat, 40 baseball glove, "
        "41 skateboard, 42 surfboard, 43 tennis racket"
    ),
    "things/indoor-super-things/kitchen-things": (
        "44 bottle, 46 wine glass, 47 cup, 48 fork, 49 knife, 50 spoon, 51 bowl"
    ),
    "things/indoor-super-things/food-things": (
        "52 banana, 53 apple, 54 sandwich, 55 orange, 56 broccoli, 57 carrot, 58 hot dog, 59 pizza, 60 donut, 61 cake"
    ),
    "things/indoor-super-things/furniture-things": (
        "62 chair, 63 couch, 64 potted plant, 65 bed, 67 dining table, 70 toilet"
    ),
    "things/indoor-super-things/electronic-things": (
        "72 tv, 73 laptop, 74 mouse, 75 remote, 76 keyboard, 77 cell phone"
    ),
    "things/indoor-super-things/appliance-things": "78 microwave, 79 oven, 80 toaster, 81 sink, 82 refrigerator",
    "things/indoor-super-things/indoor-things": (
        "84 book, 85 clock, 86 vase, 87 scissors, 88 teddy bear, 89 hair drier, 90 toothbrush"
    ),
    "stuff/indoor-super-stuff/rawmaterial-stuff": "100 cardboard, 132 metal, 139 paper, 143 plastic",
    "stuff/indoor-super-stuff/wall-stuff": (
        "171 wall-brick, 172 wall-concrete, 173 wall-other, 174 wall-panel, 175 wall-stone, 176 wall-tile, "
        "177 wall-wood"
    ),
    "stuff/indoor-super-stuff/ceiling-stuff": "102 ceiling-other, 103 ceiling-tile",
    "stuff/indoor-super-stuff/floor-stuff": (
        "101 carpet, 114 floor-marble, 115 floor-other, 116 floor-stone, 117 floor-tile, 118 floor-wood"
    ),
    "stuff/indoor-super-stuff/window-stuff": "180 window-blind, 181 window-other",
    "stuff/indoor-super-stuff/furniture-stuff": (
        "98 cabinet, 107 counter, 108 cupboard, 110 desk-stuff, 112 door-stuff, 123 furniture-other, 130 light, "
        "133 mirror-stuff, 156 shelf, 161 stairs, 165 table"
    ),
    "stuff/indoor-super-stuff/textile-stuff": (
        "92 banner, 93 blanket, 104 cloth, 105 clothes, 109 curtain, 131 mat, 137 napkin, 141 pillow, 152 rug, "
        "167 textile-other, 168 towel"
    ),
    "stuff/indoor-super-stuff/food-stuff": "121 food-other, 122 fruit, 153 salad, 170 vegetable",
    "stuff/outdoor-super-stuff/building-stuff": (
        "95 bridge, 96 building-other, 128 house, 151 roof, 158 skyscraper, 166 tent"
    ),
    "stuff/outdoor-super-stuff/structural-stuff": "99 cage, 113 fence, 138 net, 146 railing, 164 structural-other",
    "stuff/outdoor-super-stuff/plant-stuff": (
        "94 branch, 97 bush, 119 flower, 124 grass, 129 leaves, 134 moss, 142 plant-other, 163 straw, 169 tree"
    ),
    "stuff/outdoor-super-stuff/sky-stuff": "106 clouds, 157 sky-other",
    "stuff/outdoor-super-stuff/solid-stuff": ("127 hill, 135 mountain, 150 rock, 160 solid-other, 162 stone, 182 wood"),
    "stuff/outdoor-super-stuff/ground-stuff": (
        "111 dirt, 125 gravel, 126 ground-other, 136 mud, 140 pavement, 144 platform, 145 playingfield, 147 railroad, "
        "149 road, 154 sand, 159 snow"
    ),
    "stuff/outdoor-super-stuff/water-stuff": "120 fog, 148 river, 155 sea, 178 water-other, 179 waterdrops",
}


def _members(listed: str) -> Iterator[tuple[int, str]]:
    for entry in listed.split(", "):
        number, _, name = entry.partition(" ")
        yield int(number), name


CLASSES = dict(sorted(member for listed in _TREE.values() for member in _members(listed)))  # published id: name
_LAST_ID = 182  # those without a class are COCO's that no mask has
_CLASS_OF = {published: number for number, published in enumerate(CLASSES)}
_FROM_PNG = IdMap((*((published - 1, _CLASS_OF.get(published)) for published in range(1, _LAST_ID + 1)), (255, None)))
_FROM_MAT = IdMap(tuple((published, _CLASS_OF.get(published)) for published in range(_LAST_ID + 1)))

_EVERY = 10  # of the 10k images for training, one in so many is for validation
_MADE = "TrainIds"  # in the names of masks that other tools write beside the published ones

_GET_IMAGES = "unpack train2017.zip and val2017.zip (cocodataset.org) into images"
_GET_MASKS = "unpack stuffthingmaps_trainval2017.zip (github.com/nightrome/cocostuff) into annotations"
_GET_10K = "it is in cocostuff-10k-v1.1.zip (github.com/nightrome/cocostuff10k)"


def read(root: Path) -> Source:
    """See Layout."""
    names = tuple(CLASSES.values())
    tree = group_classes(names, {path: (name for _, name in _members(listed)) for path, listed in _TREE.items()})
    if not (root / "imageLists").is_dir():
        return Source(tree, partial(_pair_split, root), _FROM_PNG)
    images, masks = (find_part(root, part, get=_GET_10K) for part in ("images", "annotations"))
    listed = sorted(read_list(find_part(root, "imageLists/train.txt", get=_GET_10K)))
    files = {name: masks / f"{name}.mat" for name in listed}
    validated = set(listed[::_EVERY])

    def pairs(split: SplitName) -> tuple[Pair, ...]:
        names = validated if split == "val" else files.keys() - validated
        return pair_listed({name: files[name] for name in names}, images, get=_GET_10K)

    note = f"val: {len(validated)} of {len(listed)} images of imageLists/train.txt; test.txt is left alone"
    return Source(tree, pairs, _FROM_MAT, (note,))


def _pair_split(root: Path, name: SplitName) -> tuple[Pair, ...]:
    """Of 164k. Both archives unpack to folders of one name, so images and masks may lie in one."""
    split = f"{name}2017"
    images = list_files(find_part(root, f"images/{split}", split, get=_GET_IMAGES), ".jpg", get=_GET_IMAGES)
    folder = find_part(
        root,
        f"annotations/{split}",
        f"stuffthingmaps/{split}",
        f"stuffthingmaps_trainval2017/{split}",
        split,
        f"images/{split}",
        get=_GET_MASKS,
    )
    masks = list_files(folder, ".png", get=_GET_MASKS)
    return tuple(pair_keys(masks={name: path for name, path in masks.items() if _MADE not in name}, images=images))


COCO_STUFF = Layout(
    "coco-stuff",
    ("", "dataset", "coco", "coco_stuff164k", "coco_stuff10k"),
    ("images/train2017", "annotations/train2017", "train2017", "stuffthingmaps", "imageLists"),
    read,
)
