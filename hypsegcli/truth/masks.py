"""Label masks to class ids 0..C-1 and C for none, whatever ids the files are written with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.errors import DataError, UsageError, setting
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.files.words import first_of
from hypsegcli.images.decode import decode_mask_with_valid
from hypsegcli.images.nodata import Valid
from hypsegcli.truth.diagnose import MASKS, Wording
from hypsegcli.truth.mask_colors import VOID, MaskColors, decode_by_color, read_mask_colors
from hypsegcli.truth.matlab import SUFFIX, decode_matlab

_LINE = re.compile(r"(-?[0-9]{1,9})\s*:\s*(-?[0-9]{1,9}|void)")
_NAMED = 8

Id = TypeVar("Id", bound=np.integer[Any])
Table = tuple[NDArray[np.uint8 | np.uint16], NDArray[np.bool_]]


@dataclass(frozen=True)
class IdMap:
    """Which ids of a file become which class: pairs (from, to), where None stands for void."""

    changes: tuple[tuple[int, int | None], ...]
    colors: MaskColors | None = None  # what tells the ids; None: they are what the file holds
    by_data: bool = True  # what a file says that it has no data of is void; of label maps every pixel is an answer

    def apply(self, values: NDArray[Any], void: int) -> NDArray[np.int64]:
        """Return the ids mapped, all at once, so that 0:1 and 1:0 exchange two. Ids not listed stay.

        `values` are integers of any shape and kind; `void` is the id that stands for void.
        """
        if values.dtype in (np.uint8, np.uint16) and values.size > (every := np.iinfo(values.dtype).max + 1):
            return np.take(self.apply(np.arange(every), void), values)  # one pass, however many ids are listed
        mapped = values.astype(np.int64)
        for source, target in self.changes:
            mapped[values == source] = void if target is None else target
        return mapped


NAMED = IdMap(((VOID, None),))  # of masks in what a tool exported, whose labels are classes by their names


def read_id_map(path: Path) -> IdMap:
    """Read lines `from:to`, whole numbers, `to` also the word `void`; # starts a comment.

    Raises DataError with the line for anything else, for an id listed twice, and for a file without a line.
    """
    try:
        lines = read_text(path).splitlines()
    except UnreadableTextError as error:
        raise DataError(f"{path}: the map of ids cannot be read ({error})") from error
    changes: dict[int, int | None] = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise DataError(f"{path}, line {number}: found '{text[:60]}', expected 'from:to', such as 7:0 or 34:void")
        source, target = int(match[1]), None if match[2] == "void" else int(match[2])
        if source in changes:
            raise DataError(f"{path}, line {number}: the id {source} is given a second time")
        changes[source] = target
    if not changes:
        raise DataError(f"{path}: the map of ids has no line; write 'from:to', such as 7:0 or 34:void, one a line")
    return IdMap(tuple(changes.items()))


def read_translation(
    id_map: Path | None, colors: Path | None, names: Sequence[str], *, wording: Wording = MASKS
) -> IdMap | None:
    """What leads from masks to the classes `names`: a map of ids, a file of colours, or nothing.

    Raises UsageError for both, DataError and TreeError as their readers do; `wording` knows the settings.
    """
    if id_map is not None and colors is not None:
        ids, others = setting(wording.translation or "map", id_map), setting(wording.colors or "mask_colors", colors)
        raise UsageError(f"{ids} translates ids, {others} colours; give one of them")
    if colors is not None:
        return IdMap(((VOID, None),), read_mask_colors(colors, names))
    return read_id_map(id_map) if id_map is not None else None


def decode_ids(path: Path, colors: MaskColors | None = None) -> NDArray[Any]:
    """Read the ids of a mask as the file holds them, of all pixels; see `decode_labelled`."""
    return decode_labelled(path, colors)[0]


def decode_labelled(path: Path, colors: MaskColors | None = None) -> tuple[NDArray[Any], Valid | None]:
    """Read the ids of a mask as the file holds them, or by its colours, and where it says that it has data, or None.

    See decode_mask_with_valid, and decode_by_color. A file that ends in .mat is one of two published kinds, see
    decode_matlab. What a labelling tool exported knows how it is read.
    """
    if isinstance(path, AnnotatedMask):
        return path.decode(), None
    if path.suffix.lower() == SUFFIX:
        return decode_matlab(path), None
    if colors is not None:
        return decode_by_color(path, colors)
    return decode_mask_with_valid(path)


def count_ids(values: NDArray[Any], id_map: IdMap | None, void: int) -> Counter[int]:
    """Return the pixels of each id that occurs, after `id_map`."""
    if values.dtype.kind == "u":
        pixels = np.bincount(values.ravel())
        ids = np.flatnonzero(pixels)
        pixels = pixels[ids]
    else:
        ids, pixels = np.unique(values, return_counts=True)
    counts: Counter[int] = Counter()
    for value, count in zip((id_map.apply(ids, void) if id_map else ids).tolist(), pixels.tolist(), strict=True):
        counts[value] += count  # a map may send several ids to one
    return counts


def read_mask(
    path: Path, *, classes: int, ignore_index: int, id_map: IdMap | None = None
) -> NDArray[np.uint8 | np.uint16]:
    """Read a label mask, or a label map written earlier, as (H, W) class ids, with `classes` for void or none.

    uint8 up to 255 classes, uint16 up to 65535. Ids go through `id_map` first; then `ignore_index` is void, also
    where it is the id of a class, and so is what the file says that it has no data of, unless `id_map` is of label
    maps. Raises DataError that names the file for ids which are neither a class nor void, ImageError for a file that
    holds no ids (see decode_ids).
    """
    values, valid = decode_labelled(path, id_map.colors if id_map else None)
    if id_map is not None and not id_map.by_data:
        valid = None
    if values.dtype in (np.uint8, np.uint16):
        ids = np.arange(np.iinfo(values.dtype).max + 1)
        table, unknown = _table(len(ids), classes, ignore_index, id_map)
    else:
        ids, values = np.unique(values, return_inverse=True)
        table, unknown = translate_ids(ids.astype(np.int64), classes, ignore_index, id_map)
    if unknown.any() and (outside := _where(np.take(unknown, values), valid)).any():
        listed = first_of([str(value) for value in ids[np.unique(values[outside])]], _NAMED)
        raise DataError(
            f"{path}: holds the ids {listed}, which are no class; allowed are 0 to {classes - 1} and {ignore_index} "
            f"for void; name another void id with {setting('ignore_index')}, or translate ids with {setting('map')}"
        )
    labels: NDArray[np.uint8 | np.uint16] = np.take(table, values)  # several times faster than table[values]
    if valid is not None:
        labels[~valid] = classes
    return labels


def _where(found: NDArray[np.bool_], valid: Valid | None) -> NDArray[np.bool_]:
    return found if valid is None else found & valid


def hold_out(mask: NDArray[Id], classes: Collection[int], *, void: int) -> NDArray[Id]:
    """Return the mask, ids of any shape, with `classes` void: for zero-label learning, and for scores of the rest."""
    return np.where(np.isin(mask, tuple(classes)), mask.dtype.type(void), mask) if classes else mask


@lru_cache(maxsize=8)
def _table(size: int, classes: int, ignore_index: int, id_map: IdMap | None) -> Table:
    return translate_ids(np.arange(size), classes, ignore_index, id_map)


def translate_ids(ids: NDArray[np.int64], classes: int, ignore_index: int, id_map: IdMap | None) -> Table:
    """Return the class of each id, `classes` where it has none, and whether it is neither class nor void."""
    mapped = ids if id_map is None else id_map.apply(ids, ignore_index)
    void = mapped == ignore_index
    unknown = ~void & ((mapped < 0) | (mapped >= classes))
    kind = np.uint8 if classes < 256 else np.uint16
    return np.where(void | unknown, classes, mapped).astype(kind), unknown
