"""What labels of labelling tools are: classes, by their names; and what pixels are that nobody labelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hypsegcli.annotation.export import Export
from hypsegcli.annotation.labels import BACKGROUND, UNLABELLED
from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.errors import DataError, UsageError, setting
from hypsegcli.files.text import composed
from hypsegcli.files.words import count_of, first_of
from hypsegcli.truth.diagnose import MASKS, Wording
from hypsegcli.truth.mask_colors import VOID
from hypsegcli.truth.masks import NAMED, IdMap, read_translation
from hypsegcli.truth.pairs import Pair

_SHOWN = 5
_VOID = "void"


class Translated(NamedTuple):
    """Pairs whose masks can be read as ids."""

    pairs: list[Pair]
    id_map: IdMap | None
    notes: tuple[str, ...]  # sentences on what is left out, and what is taken for what


def translate_masks(
    pairs: Sequence[Pair],
    names: Sequence[str],
    *,
    id_map: Path | None = None,
    colors: Path | None = None,
    unlabelled: str = "",
    wording: Wording = MASKS,
) -> Translated:
    """What leads from the masks of pairs to the classes `names`.

    Of what tools exported, labels are classes by their names, and pixels nobody labelled are `unlabelled`, see
    `ids_of_labels`; images that are all void, since they are but listed, are left out. Else as read_translation.
    Raises UsageError where settings are for masks of the other kind.
    """
    exports = {pair.mask.export.origin: pair.mask.export for pair in pairs if isinstance(pair.mask, AnnotatedMask)}
    if not exports:
        if unlabelled:
            raise UsageError(
                f"{setting('unlabelled', unlabelled)}: is for what a labelling tool exported; the void id of masks "
                f"is {setting('ignore_index')}"
            )
        found = read_translation(id_map, colors, names, wording=wording)
        return Translated([*pairs], found, found.colors.notes if found and found.colors else ())
    for name, given in (("map", id_map), ("mask_colors", colors)):
        if given is not None:
            raise UsageError(
                f"{setting(name, given)}: labels of {next(iter(exports))} are classes by their names; leave it out"
            )
    told = {origin: ids_of_labels(export, names, unlabelled) for origin, export in exports.items()}
    named, blank = [], defaultdict[Path, list[str]](list)
    for pair in pairs:
        if not isinstance(pair.mask, AnnotatedMask):
            named.append(pair)
            continue
        origin, ids = pair.mask.export.origin, told[pair.mask.export.origin][0]
        if pair.mask.is_blank:
            blank[origin].append(pair.mask.key)
        if not pair.mask.is_blank or ids[UNLABELLED] != VOID:
            named.append(pair._replace(mask=pair.mask.named(ids)))
    notes = [note for _, notes in told.values() for note in notes]
    notes += [_on_blank(origin, keys, told[origin][0][UNLABELLED], names) for origin, keys in blank.items()]
    return Translated(named, NAMED, tuple(notes))


def _on_blank(origin: Path, keys: Sequence[str], rest: int, names: Sequence[str]) -> str:
    """What becomes of images that an export lists without a mask."""
    which = f"{count_of(len(keys), 'image')} that it lists without a mask, such as {keys[0]}"
    if rest != VOID:
        return f"{origin}: {which}: nothing is labelled there, so that all pixels are {names[rest]}"
    return (
        f"{origin}: left out: {which}: nothing is labelled there, and pixels nobody labelled are void; where that is "
        f"right, say what they are: {setting('unlabelled', 'CLASS')}"
    )


def ids_of_labels(export: Export, names: Sequence[str], unlabelled: str = "") -> tuple[tuple[int, ...], list[str]]:
    """The class of pixels nobody labelled and of each label, VOID for none, and sentences on that.

    Pixels nobody labelled are the class of the name `unlabelled`, or void; where it is empty, the class background
    where there is one, else void. Labels that are no classes are void. Raises DataError where none is a class.
    """
    own = [composed(name) for name in names]
    by_name = {name.casefold(): index for index, name in enumerate(own)} | {
        name: index for index, name in enumerate(own)
    }

    def id_of(name: str) -> int:
        name = composed(name)
        return by_name.get(name, by_name.get(name.casefold(), VOID))

    rest = id_of(unlabelled or BACKGROUND)
    if unlabelled and rest == VOID and unlabelled != _VOID:
        raise UsageError(
            f"{setting('unlabelled', unlabelled)}: is no class; expected {_VOID}, or one of {first_of(own, _SHOWN)}"
        )
    ids = [id_of(label) for label in export.labels]
    if not {*ids} - {VOID}:
        raise DataError(
            f"{export.origin}: none of its labels ({first_of(export.labels, _SHOWN)}) is called as a class is; classes "
            f"are {first_of(own, _SHOWN)}; call the labels so in the tool, and export again"
        )
    what = "void" if rest == VOID else f"{names[rest]}"
    other = setting("unlabelled", _VOID if rest != VOID else "CLASS")
    overlap = "where masks overlap, the later one counts; " if export.may_overlap else ""
    notes = [f"{export.origin}: {export.tool}; {overlap}pixels nobody labelled are {what}, or as {other} says"]
    notes += [f"{export.origin}: {note}" for note in export.notes]
    if strange := [label for label, index in zip(export.labels, ids, strict=True) if index == VOID]:
        notes.append(f"{export.origin}: {first_of(strange, _SHOWN)}: no class is called so, so that it is void")
    if lacking := [name for index, name in enumerate(names) if index not in {rest, *ids}]:
        notes.append(f"{export.origin}: has no label for {first_of(lacking, _SHOWN)}")
    return (rest, *ids), notes


def names_of_labels(exports: Iterable[Export], unlabelled: str) -> list[str]:
    """The classes that labels are, where nothing lists classes: as they are called, `unlabelled` before them.

    Raises DataError where there is none, and for a single one, which would be all that a network could answer.
    """
    read = list(exports)
    found = dict.fromkeys(label for export in read for label in export.labels)
    if not found:
        raise DataError(f"{read[0].origin}: has no labels; label and submit images, and export them again")
    if unlabelled and unlabelled != _VOID and unlabelled not in found:
        return [unlabelled, *found]
    if len(found) < 2:
        raise DataError(
            f"there is one label, {first_of(list(found), 1)}, and no classes.txt that lists others; where pixels "
            f"nobody labelled are a class, say so: {setting('unlabelled', BACKGROUND)}"
        )
    return list(found)
