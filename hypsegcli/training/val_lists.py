"""What a training validates on, as `hypseg evaluate` reads it: lists of images and of masks, or a tool's export."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.files.text import composed
from hypsegcli.truth.pairs import Pair

VAL_IMAGES, VAL_MASKS = "val-images.txt", "val-masks.txt"


def val_lists(pairs: Sequence[Pair], *, translated: bool) -> dict[str, str]:
    """By their names, the texts of the lists, a path a line from the root on; of an export's masks there is none.

    Files that are links, as stores of data leave them, are listed by their own names, by which they pair.
    Nothing where such lists would not name them: two have one name in different folders, or names break lines; or where
    ids of masks are others than those of classes, and are not `translated` by settings.
    """
    images = [_from_root(pair.image) for pair in pairs if pair.image]
    masks = [pair.mask for pair in pairs if isinstance(pair.mask, AnnotatedMask)]
    if masks:
        names = _all_names(masks[0]) if len({mask.export.origin for mask in masks}) == 1 else []
        return {VAL_IMAGES: _lines(images)} if _can_be_listed(images) and _differ(names) else {}
    files = [_from_root(pair.mask) for pair in pairs]
    can_be = translated and _can_be_listed(images) and _can_be_listed(files)
    return {VAL_IMAGES: _lines(images), VAL_MASKS: _lines(files)} if can_be else {}


def evaluated_as(out: Path, pairs: Sequence[Pair], *, translated: bool) -> tuple[str, str] | None:
    """Images and masks of pairs as arguments, once `out` holds their lists; None where there are no such lists."""
    if not val_lists(pairs, translated=translated):
        return None
    mask = pairs[0].mask
    masks = str(mask.export.origin) if isinstance(mask, AnnotatedMask) else f"@{out / VAL_MASKS}"
    return f"@{out / VAL_IMAGES}", masks


def _from_root(path: Path) -> str:
    return str(path.parent.resolve() / path.name)


def _lines(paths: Iterable[str]) -> str:
    return "".join(f"{path}\n" for path in paths)


def _can_be_listed(paths: Sequence[str]) -> bool:
    return _differ([Path(path).stem for path in paths]) and not any(set(path) & set("\r\n") for path in paths)


def _all_names(mask: AnnotatedMask) -> list[str]:
    """Of the images of an export, those that are validated on and all others: it cannot be cut."""
    export = mask.export
    return [composed(key).rpartition("/")[2] for key in (*export.keys, *export.empty, *export.blank)]


def _differ(names: Sequence[str]) -> bool:
    return bool(names) and len(set(names)) == len(names)
