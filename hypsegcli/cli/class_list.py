"""A class list of the user's beside the names that a network, or a label map, has for the same ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hypsegcli.errors import UsageError
from hypsegcli.files.words import count_of, first_of, name_key, shorten

_LINES, _NAMED, _LETTERS = 20, 5, 80  # of a map of ids, names and letters of a name in a sentence


def check_class_list(path: Path, listed: Sequence[str], known: Sequence[str], *, maps: Path | None) -> str | None:
    """A sentence where the list in the file `path` has other words for some classes; None where it has the same names.

    Both have a name an id; `known` are those of the first label map, `maps`, or without one the network's. Upper and
    lower case and what stands between words are no difference. Raises UsageError for another number of classes, where
    a name stands at another id, and where more than half of the names are others: the ids of masks would be taken for
    what they are not.
    """
    told = f"--classes {path}"
    doubt = "if they are others, these scores are of no worth"
    if maps is not None:
        cures = (
            "translate theirs with --prediction-map",
            "name the class list of these maps; or translate their ids with a file for --prediction-map",
        )
        return _compare(_Sides(told, f"{maps}", *cures, doubt, forth=False), listed, known)
    cures = (
        "translate ids with --map",
        "leave out --classes; where the masks' ids follow the list, also translate them with a file for --map",
    )
    return _compare(_Sides(told, "the checkpoint", *cures, doubt, forth=True), listed, known)


def check_converted_names(option: str, listed: Sequence[str], known: Sequence[str], *, file: Path) -> str | None:
    """The same of the names that `option` tells, beside those that another project's file has for the same outputs."""
    name = option.partition(" ")[0]
    cure = f"leave out {name}: the file's own names are taken then"
    doubt = "if they are others, every map gets wrong names"
    moved = f"{cure}; masks whose ids follow the others need a map of ids when they are scored"
    return _compare(_Sides(option, f"{file}", cure, moved, doubt, forth=True), listed, known)


class _Sides(NamedTuple):
    """Who tells names and who knows others, as sentences have it, and what to do."""

    told: str
    knower: str
    cure_of_number: str
    cure_of_ids: str
    doubt: str
    forth: bool  # whether ids are translated from those of the list to those that are known, and not back


def _compare(sides: _Sides, listed: Sequence[str], known: Sequence[str]) -> str | None:
    told, knower = sides.told, sides.knower
    if len(listed) != len(known):
        raise UsageError(f"{told}: has {len(listed)} classes, {knower} {len(known)}; {sides.cure_of_number}")
    ours, theirs = [name_key(name) for name in listed], [name_key(name) for name in known]
    other = [index for index in range(len(ours)) if listed[index] != known[index] and ours[index] != theirs[index]]
    if not other:
        return None
    moved = {index: theirs.index(ours[index]) for index in other if ours[index] in theirs}
    if not moved and 2 * len(other) <= len(ours):
        words = first_of([f"{_quoted(listed[index])} for {_quoted(known[index])}" for index in other], _NAMED)
        return (
            f"the class list has other names than {knower} for {count_of(len(other), 'id')}, {words}: they are taken "
            f"for the same classes; {sides.doubt}"
        )
    pairs = sorted(moved.items() if sides.forth else ((there, here) for here, there in moved.items()))
    cure, first = sides.cure_of_ids, other[0]
    found = f"{told}: {first} is {_quoted(listed[first])} there and {_quoted(known[first])} to {knower}"
    if not moved:
        raise UsageError(f"{found}, and {len(other)} of {len(ours)} names differ; {cure}")
    lines = first_of([f"{source}:{target}" for source, target in pairs], _LINES)
    unknown = [_quoted(listed[index]) for index in other if index not in moved]
    rest = f"; {first_of(unknown, _NAMED)} is no name of {knower}'s" if unknown else ""
    raise UsageError(f"{found}, where the same names stand at other ids; {cure}, a line each: {lines}{rest}")


def _quoted(name: str) -> str:
    return f"'{shorten(name, _LETTERS)}'"
