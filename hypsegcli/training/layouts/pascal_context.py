"""Pascal Context, 59 classes without background, as masks beside VOC 2010.

VOCdevkit/VOC2010/JPEGImages/*.jpg  SegmentationClassContext/*.png  ImageSets/SegmentationContext/{train,val}.txt

In the masks 0 is background, which is void here, and 1 to 59 are the classes in the order of their names, as the masks
are made from trainval_merged.json. The tree is flat: none is published.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.training.layouts.source import Layout, Source, SplitName, find_part, pair_listed, read_list, shift_ids
from hypsegcli.truth.pairs import Pair

NAMES = (
    "aeroplane", "bag", "bed", "bedclothes", "bench", "bicycle", "bird", "boat", "book", "bottle", "building", "bus",
    "cabinet", "car", "cat", "ceiling", "chair", "cloth", "computer", "cow", "cup", "curtain", "dog", "door", "fence",
    "floor", "flower", "food", "grass", "ground", "horse", "keyboard", "light", "motorbike", "mountain", "mouse",
    "person", "plate", "platform", "pottedplant", "road", "rock", "sheep", "shelves", "sidewalk", "sign", "sky", "snow",
    "sofa", "table", "track", "train", "tree", "truck", "tvmonitor", "wall", "water", "window", "wood",
)  # fmt: skip

_MASKS, _LISTS = "SegmentationClassContext", "ImageSets/SegmentationContext"
_GET_IMAGES = "it is in VOCtrainval_03-May-2010.tar (host.robots.ox.ac.uk/pascal/VOC/voc2010)"
_GET_MASKS = (
    "it is made from trainval_merged.json (PASCAL in Detail) by the converter for Pascal Context of MMSegmentation, "
    "whose masks hold 0 for background and 1 to 59"
)


def read(root: Path) -> Source:
    """See Layout."""
    images = find_part(root, "JPEGImages", get=_GET_IMAGES)
    masks = find_part(root, _MASKS, get=_GET_MASKS)

    def pairs(split: SplitName) -> tuple[Pair, ...]:
        names = read_list(find_part(root, f"{_LISTS}/{split}.txt", get=_GET_MASKS))
        return pair_listed({name: masks / f"{name}.png" for name in names}, images, get=_GET_MASKS)

    return Source(flat_tree(NAMES), pairs, shift_ids(len(NAMES)))


PASCAL_CONTEXT = Layout("pascal-context", ("", "VOC2010", "VOCdevkit/VOC2010"), (_MASKS, _LISTS), read)
