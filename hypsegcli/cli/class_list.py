"""A class list of the user's beside the names that a network, or a label map, has for the same ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hypsegcli.errors import UsageError
from hypsegcli.files.words import count_of, first_of, shorten

_LINES, _NAMED, _LETTERS = 20, 5, 80  # of a map of ids, names and letters of a name in a sentence
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def check_class_list(path: Path, listed: Sequence[str], known: Sequence[str], *, maps: Path | None) -> str | None:
    """A sentence where the list in the file `path` has other words for some classes; None where it has the same names.

    Both have a name an id; `known` are those of the first label map, `maps`, or without one the network's. Upper and
    lower case and what stands between words are no difference. Raises UsageError for another number of classes, where
    a name stands at another id, and where more than half of the names are others: the ids of masks would be taken for
    what they are not.
    """
    knower = "the checkpoint" if maps is None else f"{maps}"
    if len(listed) != len(known):
        cure = "translate ids with --map" if maps is None else "translate theirs with --prediction-map"
        raise UsageError(f"--classes {path}: has {len(listed)} classes, {knower} {len(known)}; {cure}")
    ours, theirs = [_key(name) for name in listed], [_key(name) for name in known]
    other = [index for index in range(len(ours)) if listed[index] != known[index] and ours[index] != theirs[index]]
    if not other:
        return None
    moved = {index: theirs.index(ours[index]) for index in other if ours[index] in theirs}
    if not moved and 2 * len(other) <= len(ours):
        words = first_of([f"{_quoted(listed[index])} for {_quoted(known[index])}" for index in other], _NAMED)
        return (
            f"the class list has other names than {knower} for {count_of(len(other), 'id')}, {words}: they are taken "
            "for the same classes; if they are others, these scores are of no worth"
        )
    if maps is None:
        pairs = sorted(moved.items())
        cure = "leave out --classes; where the masks' ids follow the list, also translate them with a file for --map"
    else:
        pairs = sorted((there, here) for here, there in moved.items())
        cure = "name the class list of these maps; or translate their ids with a file for --prediction-map"
    first = other[0]
    found = f"--classes {path}: {first} is {_quoted(listed[first])} there and {_quoted(known[first])} to {knower}"
    if not moved:
        raise UsageError(f"{found}, and {len(other)} of {len(ours)} names differ; {cure}")
    lines = first_of([f"{source}:{target}" for source, target in pairs], _LINES)
    unknown = [_quoted(listed[index]) for index in other if index not in moved]
    rest = f"; {first_of(unknown, _NAMED)} is no name of {knower}'s" if unknown else ""
    raise UsageError(f"{found}, where the same names stand at other ids; {cure}, a line each: {lines}{rest}")


def _key(name: str) -> str:
    return _BETWEEN_WORDS.sub("", name).casefold() or name


def _quoted(name: str) -> str:
    return f"'{shorten(name, _LETTERS)}'"
