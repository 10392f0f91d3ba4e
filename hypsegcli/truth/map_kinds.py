"""What maps say of themselves, and whether those of one folder mean the same."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

from hypsegcli.errors import DataError, UsageError, setting
from hypsegcli.files.words import shorten
from hypsegcli.images.metadata import MapMetadata, read_metadata

_LETTERS = 80  # of a name in a sentence
# Of what a map says of itself, what decides the meaning of its values, and how it is called in a sentence.
_DECISIVE = {
    "kind": "output",
    "names": "ids",
    "level": "level",
    "threshold": "threshold",
    "parents": "parents in the class tree",
    "measure": "measure",
    "full_scale": "full scale",
}


def refuse_kind(path: Path, own: MapMetadata | None, *, as_ids: bool) -> None:
    """UsageError where a map says of itself that its values are no class ids.

    `as_ids`: other ids serve too, for they are translated, or clusters. What says nothing is taken for what is needed.
    """
    if own is None or own.kind == "labels" or (as_ids and own.kind == "prototypes"):
        return
    or_else = (
        f", translate these with {setting('prediction_map')}, or take them for clusters with {setting('match')}"
        if own.kind == "prototypes"
        else ""
    )
    raise UsageError(
        f"{path}: says of itself that it holds {own.kind}, whose values are no class ids; name the folder of label maps"
        f"{or_else}"
    )


def check_alike(maps: Iterable[Path], *, as_ids: bool | None = None) -> frozenset[str | None]:
    """DataError where maps of one folder say of themselves that their values mean different things.

    Of label maps, `as_ids` is that of `refuse_kind`, by which each is judged; None stands for planes.
    Maps that say nothing, as other tools' do, are taken for what the others are. What was the probabilities of any of
    the others made to follow comes back: None stands for nothing.
    """
    first: tuple[Path, MapMetadata] | None = None
    refined = set[str | None]()
    for path in maps:
        own = read_metadata(path)
        if own is None:
            continue
        if as_ids is not None:
            refuse_kind(path, own, as_ids=as_ids)
        if first is None:
            first = path, own
        for name, title in _DECISIVE.items():
            mine, other = getattr(first[1], name), getattr(own, name)
            if mine != other:
                raise DataError(
                    f"{first[0]} and {path}: say of themselves that they are of different kinds, {title}: "
                    f"{_apart(mine, other)}; maps of several networks or runs lie together: score each one's alone, or "
                    "predict all of them again"
                )
        refined.add(own.refine)
    return frozenset(refined)


def void_in(maps: Iterable[Path]) -> int | None:
    """The id by which label maps of hypseg's say where photographs have no data; None where none of them does.

    DataError where they have several. Maps that say nothing are taken for what the others are.
    """
    found = {own.void: path for path in maps if (own := read_metadata(path)) is not None and own.void is not None}
    if len(found) > 1:
        (mine, path), (other, another) = list(found.items())[:2]
        raise DataError(
            f"{path} and {another}: say with other ids, {mine} and {other}, where there are no data; maps of several "
            "networks lie together: score each one's alone, or predict all of them again"
        )
    return next(iter(found), None)


def _apart(mine: object, other: object) -> str:
    """`a and b`; of lists the first entries that differ."""
    if isinstance(mine, tuple) and isinstance(other, tuple):
        pairs = enumerate(zip_longest(mine, other, fillvalue="nothing"))
        index, (mine, other) = next((index, pair) for index, pair in pairs if pair[0] != pair[1])
        return f"{index} is {shorten(str(mine), _LETTERS)} and {shorten(str(other), _LETTERS)}"
    return f"{mine} and {other}"
