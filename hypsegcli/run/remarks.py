"""What a run says of an earlier one in its folder, before it begins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypsegcli.errors import setting
from hypsegcli.files.books import TABLES
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.accounts import Account
from hypsegcli.run.difference import differences
from hypsegcli.run.manifest import Line, is_cut_otherwise, outputs_of
from hypsegcli.run.namesakes import Namesake

_LISTED = 3  # images


def say_replaced(dropped: Collection[Line], others: Collection[Line], namesakes: Sequence[Namesake]) -> list[str]:
    """What becomes of images that an earlier run was asked for and this one is not, a sentence each."""
    sentences = []
    if count := len(namesakes):
        are, give, name = ("is", "gives", "its name") if count == 1 else ("are", "give", "their names")
        names = first_of([f"{one.old} to {one.new}" for one in namesakes], _LISTED)
        sentences.append(
            f"{count_of(count, 'image')} of an earlier run, which {are} there still, {give} way to others of {name}: "
            f"{names}"
        )
    if gone := len(dropped):
        are, their = ("is", "its") if gone == 1 else ("are", "their")
        sentences.append(f"{count_of(gone, 'image')} of an earlier run {are} gone; {their} maps are removed")
    if stay := sum(line["status"] == "done" for line in others):
        are, verb = ("is", "stays") if stay == 1 else ("are", "stay")
        sentences.append(
            f"{count_of(stay, 'image')} of an earlier run {are} not among these and {verb}, made as it was then"
        )
    return sentences


def say_beyond(count: int) -> list[str]:
    """That frames or pages are left of files that have been replaced by shorter ones, a sentence."""
    if not count:
        return []
    are, stay, their, end = ("is", "stays", "its", "end") if count == 1 else ("are", "stay", "their", "ends")
    return [
        f"{count_of(count, 'image')} of an earlier run {are} beyond the {end} of {their} video or stack and {stay}; "
        f"{setting('overwrite')} removes {their} maps"
    ]


def say_given_up(count: int) -> list[str]:
    """That an earlier run was to do images, which it never did and nobody is to do any more, a sentence."""
    if not count:
        return []
    are = "is" if count == 1 else "are"
    return [f"{count_of(count, 'image')} that an earlier run was to do, and never did, {are} given up"]


def say_stayed(names: Sequence[str]) -> list[str]:
    """That files of an earlier run were to go, and stay, a sentence."""
    if not names:
        return []
    stay = "stays" if len(names) == 1 else "stay"
    return [f"{count_of(len(names), 'file')} of an earlier run {stay}, changed since: {first_of(names, _LISTED)}"]


def say_owed(out: Path, names: Iterable[str]) -> list[str]:
    """That files of the whole run are still to be written, a sentence each."""
    by = {True: "run uncertainty with", False: "run what was to make it again with"}
    return [
        f"{out / name} is still to be written, which an earlier run did not come to; {by[name in TABLES]} "
        f"{setting('resume')}"
        for name in names
    ]


def say_redone(
    accounts: Sequence[Account],
    lines: Iterable[Line],
    *,
    of: int,
    recipe: str,
    description: Mapping[str, Any],
    cuts: Callable[[int, int], bool],
) -> list[str]:
    """Why images that an earlier run has done, or was to, are done again, a sentence a reason."""
    otherwise = cut = changed = begun = 0
    recipes = set()
    for line in lines:
        if line["status"] == "stale":
            begun += bool(outputs_of(line))
        elif line["status"] == "done" and line["recipe"] != recipe:
            otherwise += 1
            recipes.add(line["recipe"])
        elif line["status"] == "done":
            is_cut = is_cut_otherwise(line, cuts)
            cut, changed = cut + is_cut, changed + (not is_cut)
    images = count_of(of, "image")
    sentences = []
    if otherwise:
        # A run.json is that of the last run alone.
        before = next((one.run for one in accounts if {one.run.get("recipe")} == recipes), None)
        which = "; ".join(differences(before, description)) if before is not None else ""
        sentences.append(
            f"{otherwise} of {images} to be done again, made with other settings" + (f": {which}" if which else "")
        )
    if cut:
        sentences.append(
            f"{cut} of {images} to be done again, whole or in windows as memory allows now; a side named with "
            f"{setting('tile')} does not depend on it"
        )
    if changed:
        sentences.append(f"{changed} of {images} to be done again, changed since, or their maps")
    if begun:
        sentences.append(f"{begun} of {images} to be done again, as a run was to that was cut short")
    return sentences
