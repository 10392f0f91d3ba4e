"""The project's own layout.

DIR/train/images  DIR/train/masks  DIR/val/images  DIR/val/masks    same names without their suffixes
DIR/images        DIR/masks                                         or all together, of which some are held back
DIR/classes.txt                                                     id:name, ids from 0 without gaps
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

from hypsegcli.errors import DataError
from hypsegcli.files.words import count_of, first_of
from hypsegcli.hierarchy.tree import flat_tree, read_class_names
from hypsegcli.training.held_back import held_back
from hypsegcli.training.layouts.source import AS_OURS, Layout, Reading, Source, SplitName, say_nothing
from hypsegcli.truth.masks import read_translation
from hypsegcli.truth.pairs import Pair, pair_folders

_SHARE = 5  # of images without splits, one in so many is validated on
_FEWEST = 3  # of those: a step takes two, for batch norm
_NAMED = 5  # of those


def read(root: Path, reading: Reading = AS_OURS, tell: Callable[[str], None] = say_nothing) -> Source:
    """See Layout; `tell` is given a line on what a folder holds that is left out, when its pairs are asked for."""
    tree = flat_tree(read_class_names(root / "classes.txt"))
    id_map = read_translation(reading.id_map, reading.mask_colors, tree.names[: tree.classes])
    notes = id_map.colors.notes if id_map and id_map.colors else ()
    return Source(tree, partial(pair_split, root, reading=reading, tell=tell), id_map, notes, translation="map")


def pair_split(
    root: Path, name: SplitName, *, reading: Reading = AS_OURS, tell: Callable[[str], None] = say_nothing
) -> tuple[Pair, ...]:
    """The pairs of a split; where there are no splits, `val` is a fifth of all, see `held_back`, `train` the others.

    Raises PlanError for missing partners, DataError for a missing folder, or too few images to be split.
    """
    apart = any((root / split).exists() for split in get_args(SplitName)) or not (root / "images").is_dir()
    if apart:
        return _pair(root / name, reading, tell)
    pairs = _pair(root, reading, tell if name == "train" else say_nothing)
    if len(pairs) < _FEWEST:
        raise DataError(
            f"{root}: {count_of(len(pairs), 'image')} with a mask: too few to train on and to validate on; it takes "
            f"{_FEWEST} at least, better 10; label others"
        )
    kept = held_back((pair.key for pair in pairs), max(1, len(pairs) // _SHARE))
    if name == "val":
        tell(
            f"{root}: has no val/; {len(kept)} of its {len(pairs)} images are held back to validate on, one in "
            f"{_SHARE} by a hash of their names: {first_of(sorted(kept), _NAMED)}"
        )
    return tuple(pair for pair in pairs if (pair.key in kept) == (name == "val"))


def _pair(folder: Path, reading: Reading, tell: Callable[[str], None]) -> tuple[Pair, ...]:
    images, masks = folder / "images", folder / "masks"
    for part in (images, masks):
        if not part.is_dir():
            raise DataError(
                f"{part}: no such folder; expected train/images, train/masks, val/images and val/masks, or images and "
                "masks alone"
            )
    return tuple(
        pair_folders(
            masks=masks,
            images=images,
            image_suffix=reading.image_suffix,
            mask_suffix=reading.mask_suffix,
            tell=tell,
        )
    )


HYPSEG = Layout(
    "hypseg", ("",), ("classes.txt", "train/images", "train/masks", "val/images", "val/masks", "masks"), read
)
