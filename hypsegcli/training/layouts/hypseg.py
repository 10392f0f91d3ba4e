"""The project's own layout.

DIR/train/images  DIR/train/masks  DIR/val/images  DIR/val/masks    same names without their suffixes
DIR/classes.txt                                                     id:name, ids from 0 without gaps
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hypsegcli.errors import DataError
from hypsegcli.hierarchy.tree import flat_tree, read_class_names
from hypsegcli.training.layouts.source import Layout, Source, SplitName
from hypsegcli.truth.pairs import Pair, pair_folders


def read(root: Path) -> Source:
    """See Layout."""
    return Source(flat_tree(read_class_names(root / "classes.txt")), partial(pair_split, root))


def pair_split(root: Path, name: SplitName) -> tuple[Pair, ...]:
    """The pairs of a split. Raises PlanError for missing partners, DataError for a missing folder."""
    images, masks = (root / name / kind for kind in ("images", "masks"))
    for folder in (images, masks):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; expected train/images, train/masks, val/images and val/masks")
    return tuple(pair_folders(masks=masks, images=images))


HYPSEG = Layout("hypseg", ("",), ("classes.txt", "train/images", "train/masks", "val/images", "val/masks"), read)
