"""Folders of other people's classes, which teach through the class tree of the first.

A class of theirs is a node of that tree: a class, or an inner node where theirs is wider (their "vehicle" over our car
and bus). What has no counterpart is void.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.errors import DataError
from hypsegcli.files.digest import digest_of, short_digest
from hypsegcli.files.text import UnreadableTextError, composed, read_text
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.training.dataset import MorePair, read_split
from hypsegcli.training.layouts import open_source
from hypsegcli.training.layouts.source import say_nothing
from hypsegcli.training.targets import of_node
from hypsegcli.truth.pairs import Pair

VOID = 255  # in masks of theirs, and any id that is no class
_VALUES = 2**16  # that a mask may hold


class MoreData(NamedTuple):
    """What is read of folders of others."""

    pairs: tuple[MorePair, ...]
    folders: tuple[Path, ...]  # that are searched, see Source


def read_more_data(
    folders: Sequence[str],
    names: Path | None,
    tree: ClassTree,
    *,
    ignore_index: int,
    tell: Callable[[str], None] = say_nothing,
) -> MoreData:
    """The training pairs of folders of any layout that is recognised, void 255 in those that are laid out as ours.

    A class of theirs stands for the node of `tree` that has its name, or the one that a line `theirs: ours` of the file
    `names` gives it; ours may be empty. `ignore_index` is our void; `tell` is given lines on what folders hold that
    is left out, and on what labels of labelling tools are taken for, as of the own data. Raises DataError for a line
    about a class or node that is nowhere, and for a folder none of whose classes is ours; else as `read_split`.
    """
    renamed = _read_names(names, tree) if names else {}
    pairs: list[MorePair] = []
    searched: list[Path] = []
    used: set[str] = set()
    for folder in map(Path, folders):
        source = open_source(folder, "auto", tell=tell)
        searched += source.folders
        for note in source.notes:
            tell(f"{folder}: {note}")
        classes = source.tree.names[: source.tree.classes]
        used |= renamed.keys() & set(classes)
        nodes = {k: renamed.get(name, name) for k, name in enumerate(classes)}
        known = {k: tree.names.index(name) for k, name in nodes.items() if name in tree.names}
        if not known:
            raise DataError(
                f"{folder}: none of its classes ({', '.join(classes)}) is a node of the class tree "
                f"({', '.join(tree.names)}); say which is which in a file of lines 'theirs: ours'"
            )
        targets = np.full(_VALUES, ignore_index, np.int64)
        for k, node in known.items():
            targets[k] = of_node(node, tree.classes)
        if source.id_map:
            targets = targets[source.id_map.apply(np.arange(_VALUES), VOID)]
        taught = digest_of(targets.tobytes()).sha256
        split = read_split(source.pairs("train"), source, ignore_index=VOID)
        sides = split.longest_sides.tolist()
        pairs += (
            MorePair(pair, targets, side, split.digests[pair.key], notes, _meaning(pair, taught))
            for pair, side, notes in zip(split.pairs, sides, split.notes, strict=True)
        )
    if strange := renamed.keys() - used:
        raise DataError(f"{names}: no folder has a class called {', '.join(sorted(strange))}")
    return MoreData(tuple(pairs), tuple(searched))


def _meaning(pair: Pair, taught: str) -> str:
    """What its mask teaches: `taught` by its ids, which are those of labels where a tool exported it."""
    ids = pair.mask.ids if isinstance(pair.mask, AnnotatedMask) else None
    return short_digest(digest_of(f"{taught} {ids}".encode()))


def _read_names(path: Path, tree: ClassTree) -> dict[str, str]:
    try:
        lines = composed(read_text(path)).splitlines()
    except UnreadableTextError as error:
        raise DataError(f"{path}: cannot read which class is which ({error})") from error
    renamed: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        theirs, colon, ours = (part.strip() for part in text.rpartition(":"))
        if not colon or not theirs:
            raise DataError(f"{path}, line {number}: expected 'theirs: ours', found '{text}'")
        if ours and ours not in tree.names:
            raise DataError(f"{path}, line {number}: no class or node is called '{ours}'; {', '.join(tree.names)} are")
        if theirs in renamed:
            raise DataError(f"{path}, line {number}: '{theirs}' is given a second time")
        renamed[theirs] = ours
    return renamed
