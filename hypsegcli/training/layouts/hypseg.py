"""The project's own layout.

DIR/train/images  DIR/train/masks  DIR/val/images  DIR/val/masks    same names without their suffixes
DIR/images        DIR/masks                                         or all together, of which some are held back
DIR/classes.txt                                                     id:name, ids from 0 without gaps

For masks there may be masks.zip or masks.json, or a folder masks, that a labelling tool exported, and then classes.txt
may lack. A data set of CVAT's, with its photographs in JPEGImages, needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from hypsegcli.annotation.cvat import LABEL_MAP
from hypsegcli.annotation.export import Export
from hypsegcli.annotation.masks import is_export
from hypsegcli.errors import DataError
from hypsegcli.files.words import count_of, first_of
from hypsegcli.hierarchy.tree import flat_tree, read_class_names
from hypsegcli.training.held_back import held_back
from hypsegcli.training.layouts.source import AS_OURS, Layout, Reading, Source, SplitName, say_nothing
from hypsegcli.truth.export_pairs import export_at
from hypsegcli.truth.exports import names_of_labels, translate_masks
from hypsegcli.truth.masks import NAMED
from hypsegcli.truth.pairs import Pair, pair_folders

CLASSES = "classes.txt"
_SHARE = 5  # of images without splits, one in so many is validated on
_FEWEST = 3  # of those: a step takes two, for batch norm
_NAMED = 5  # of those
_SPLITS = get_args(SplitName)
_IMAGES = ("images", "JPEGImages")  # the second is that of CVAT's data sets
_MASKS = ("masks", "masks.zip", "masks.json")


def read(root: Path, reading: Reading = AS_OURS, tell: Callable[[str], None] = say_nothing) -> Source:
    """See Layout; `tell` is given a line on what a folder holds that is left out, when its pairs are asked for.

    And on what labels of labelling tools are taken for. Without classes.txt, the classes are those labels.
    """
    exports = [found for folder in (root, *(root / split for split in _SPLITS)) if (found := _export_in(folder))]
    listed = (root / CLASSES).exists() or not exports
    tree = flat_tree(read_class_names(root / CLASSES) if listed else names_of_labels(exports, reading.unlabelled))
    names = tree.names[: tree.classes]
    if exports:  # read by their names, each by its own
        pairs = partial(pair_split, root, names=names, reading=reading, tell=tell)
        return Source(tree, pairs, NAMED, folders=_searched(root))
    translated = translate_masks(
        [], names, id_map=reading.id_map, colors=reading.mask_colors, unlabelled=reading.unlabelled
    )
    pairs = partial(pair_split, root, reading=reading, tell=tell)
    return Source(tree, pairs, translated.id_map, translated.notes, folders=_searched(root), translation="map")


def pair_split(
    root: Path,
    name: SplitName,
    *,
    names: Sequence[str] = (),
    reading: Reading = AS_OURS,
    tell: Callable[[str], None] = say_nothing,
) -> tuple[Pair, ...]:
    """The pairs of a split; where there are no splits, `val` is a fifth of all, see `held_back`, `train` the others.

    `names` are of the classes where a tool exported the masks, which know then by what ids they go. Raises PlanError
    for missing partners, DataError for a missing folder, or too few images to be split.
    """
    apart = any((root / split).exists() for split in _SPLITS) or not any((root / each).is_dir() for each in _IMAGES)
    if apart:
        return _pair(root / name, names, reading, tell)
    pairs = _pair(root, names, reading, tell if name == "train" else say_nothing)
    if len(pairs) < _FEWEST:
        raise DataError(
            f"{root}: {count_of(len(pairs), 'image')} with a mask: too few to train on and to validate on; it takes "
            f"{_FEWEST} at least, better 10; label others"
        )
    kept = held_back((pair.key for pair in pairs), max(1, len(pairs) // _SHARE))
    if name == "val":
        tell(
            f"{root}: has no val/; held back to validate on: {len(kept)} of its {len(pairs)} images, one in "
            f"{_SHARE} by a hash of their names: {first_of(sorted(kept), _NAMED)}"
        )
    return tuple(pair for pair in pairs if (pair.key in kept) == (name == "val"))


def _searched(root: Path) -> tuple[Path, ...]:
    """The folders of images and masks, and those called like a split that hold none: there, all would look split."""
    found = [root / part / name for part in ("", *_SPLITS) for name in (*_IMAGES, _MASKS[0])]
    found = [folder for folder in found if folder.is_dir()]
    known = {folder.parent for folder in found}
    called = [root / split for split in _SPLITS]
    return (*found, *(folder for folder in called if folder.is_dir() and folder not in known and not _masks_in(folder)))


def _pair(folder: Path, names: Sequence[str], reading: Reading, tell: Callable[[str], None]) -> tuple[Pair, ...]:
    images = next((folder / name for name in _IMAGES if (folder / name).is_dir()), folder / _IMAGES[0])
    masks = _masks_in(folder) or folder / _MASKS[0]
    for part in (images, masks):
        if not part.exists():
            raise DataError(
                f"{part}: no such folder; expected train/images, train/masks, val/images and val/masks, or images and "
                "masks alone; masks may be masks.zip or masks.json, as a labelling tool exports them"
            )
    pairs = pair_folders(
        masks=masks,
        images=images,
        image_suffix=reading.image_suffix,
        mask_suffix=reading.mask_suffix,
        with_empty=bool(reading.unlabelled),
        tell=tell,
    )
    return tuple(_name(pairs, folder, names, reading, tell) if names else pairs)


def _name(
    pairs: Sequence[Pair], folder: Path, names: Sequence[str], reading: Reading, tell: Callable[[str], None]
) -> list[Pair]:
    """The pairs of what a tool exported, whose masks know by what ids the classes go."""
    translated = translate_masks(
        pairs, names, id_map=reading.id_map, colors=reading.mask_colors, unlabelled=reading.unlabelled
    )
    if translated.id_map != NAMED:
        raise DataError(
            f"{folder.parent}: the masks of {folder.name} are files, and others what a labelling tool exported; use one"
        )
    for note in translated.notes:
        tell(note)
    return translated.pairs


def _masks_in(folder: Path) -> Path | None:
    """Where the masks of a folder are: files in a folder, or what a tool exported; DataError for several of these."""
    found = [folder / name for name in _MASKS if (folder / name).exists()]
    if len(found) > 1:
        raise DataError(f"{found[0]} and {found[1]}: are both masks; keep those that count")
    return found[0] if found else folder if is_export(folder) else None


def _export_in(folder: Path) -> Export | None:
    masks = _masks_in(folder)
    return None if masks is None else export_at(masks)


HYPSEG = Layout(
    "hypseg", ("",), (CLASSES, "train/images", "train/masks", "val/images", "val/masks", *_MASKS, LABEL_MAP), read
)
