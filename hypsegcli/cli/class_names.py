"""What the ids of masks and label maps mean in `hypseg evaluate`: as a checkpoint says, else a map, else options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypsegcli.cli.class_list import check_class_list
from hypsegcli.cli.node_maps import names_of_map, rule_of_map
from hypsegcli.cli.options.scoring import Classes, Scoring
from hypsegcli.errors import UsageError
from hypsegcli.files.words import first_of
from hypsegcli.hierarchy.rule import Rule

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Color, Header
    from hypsegcli.hierarchy.tree import ClassTree

_NAMED, _MANY = 5, 50  # classes in a sentence, and those that may be chosen among


class ClassNames(NamedTuple):
    """The classes of an evaluation: their tree, colours and special ids."""

    tree: ClassTree
    ignore_index: int
    colors: tuple[Color, ...]
    unseen: tuple[int, ...] | None  # the ids to which masks and predictions are restricted; None: not
    background: int | None
    rule: Rule | None = None  # by which label maps hold nodes of the tree; None: they hold classes
    doubts: tuple[str, ...] = ()  # sentences on names that need not mean what they are taken for

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the K classes, by id."""
        return self.tree.names[: self.tree.classes]


def decide_class_names(
    header: Header | None,
    label_map: Path | None,
    *,
    options: Classes,
    scoring: Scoring,
    ignore_index: int | None,
    translated: bool,
    clusters: bool = False,
) -> ClassNames:
    """Classes, tree, void and colours: as options say, else the checkpoint's header, else the first label map itself.

    A class list names the ids of header or map in other words, or, where neither knows them, at all.

    `translated`: the ids of the label maps are replaced by others, so that what the map says of them does not count.
    `clusters`: these ids are not taken for classes yet.
    Raises UsageError where these contradict each other, and where nothing names the classes.
    """
    from hypsegcli.hierarchy.tree import flat_tree, read_class_names, read_tree, tree_of_nodes
    from hypsegcli.images.metadata import read_metadata
    from hypsegcli.pictures.palette import spread_colors
    from hypsegcli.truth.map_kinds import refuse_kind

    own = read_metadata(label_map) if label_map is not None and not translated else None
    if label_map is not None:
        refuse_kind(label_map, own, as_ids=clusters)
    own_names, own_tree = names_of_map(own, origin=f"{label_map}")
    known = own_names if header is None else header.tree.names[: header.tree.classes]
    if own_names not in (None, known):
        raise UsageError(
            f"{label_map}: says that its ids mean {first_of(own_names or (), _NAMED)}, the checkpoint has "
            f"{first_of(known or (), _NAMED)}; translate with --prediction-map, or name the checkpoint of these maps"
        )
    tree = own_tree if header is None else header.tree
    doubt = None
    if options.classes is None:
        if not known:
            raise UsageError(
                "these label maps do not tell what their ids mean; name a class list with --classes, or their "
                "--checkpoint"
            )
        classes: Sequence[str] = known
    else:
        classes = read_class_names(options.classes)
        if known is not None:
            doubt = check_class_list(options.classes, classes, known, maps=label_map if header is None else None)
    if options.tree is not None:
        tree = read_tree(options.tree, classes)
    elif tree is None:
        tree = flat_tree(classes)
    elif options.classes is not None:  # the same nodes, whose classes are called as in the list
        names = (*classes, *tree.names[tree.classes :])
        tree = tree_of_nodes(names, tree.parents, origin=f"--classes {options.classes}")
    rule = rule_of_map(own, tree, origin=f"{label_map}")
    if ignore_index is None:
        told = own if header is None else header
        ignore_index = 255 if told is None or told.ignore_index is None else told.ignore_index
    background = header.background if header is not None else None
    if scoring.background:
        background = _class_id("--background", scoring.background, classes)
    colors = header.colors if header is not None else spread_colors(len(classes), background=background)
    unseen = _unseen(scoring.unseen, classes)
    return ClassNames(tree, ignore_index, colors, unseen, background, rule, () if doubt is None else (doubt,))


def _unseen(text: str | None, classes: Sequence[str]) -> tuple[int, ...] | None:
    """`--unseen`: the ids of names separated by commas."""
    if text is None:
        return None
    ids = tuple(_class_id("--unseen", name.strip(), classes) for name in text.split(","))
    if len(set(ids)) < max(2, len(ids)):
        raise UsageError(f"--unseen {text}: expected at least two classes, each once")
    return ids


def _class_id(option: str, name: str, classes: Sequence[str]) -> int:
    if name not in classes:
        raise UsageError(f"{option}: no class is called '{name}'; classes are {first_of(classes, _MANY)}")
    return list(classes).index(name)
