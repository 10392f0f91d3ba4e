"""The project's own layout.

DIR/train/images  DIR/train/masks  DIR/val/images  DIR/val/masks    same names without their suffixes
DIR/classes.txt                                                     id:name, ids from 0 without gaps
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from hypsegcli.errors import DataError
from hypsegcli.hierarchy.tree import flat_tree, read_class_names
from hypsegcli.training.layouts.source import AS_OURS, Layout, Reading, Source, SplitName, say_nothing
from hypsegcli.truth.masks import read_translation
from hypsegcli.truth.pairs import Pair, pair_folders


def read(root: Path, reading: Reading = AS_OURS, tell: Callable[[str], None] = say_nothing) -> Source:
    """See Layout; `tell` is given a line on what a folder holds that is left out, when its pairs are asked for."""
    tree = flat_tree(read_class_names(root / "classes.txt"))
    id_map = read_translation(reading.id_map, reading.mask_colors, tree.names[: tree.classes])
    notes = id_map.colors.notes if id_map and id_map.colors else ()
    return Source(tree, partial(pair_split, root, reading=reading, tell=tell), id_map, notes, translation="map")


def pair_split(
    root: Path, name: SplitName, *, reading: Reading = AS_OURS, tell: Callable[[str], None] = say_nothing
) -> tuple[Pair, ...]:
    """The pairs of a split. Raises PlanError for missing partners, DataError for a missing folder."""
    images, masks = (root / name / kind for kind in ("images", "masks"))
    for folder in (images, masks):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; expected train/images, train/masks, val/images and val/masks")
    return tuple(
        pair_folders(
            masks=masks,
            images=images,
            image_suffix=reading.image_suffix,
            mask_suffix=reading.mask_suffix,
            tell=tell,
        )
    )


HYPSEG = Layout("hypseg", ("",), ("classes.txt", "train/images", "train/masks", "val/images", "val/masks"), read)
