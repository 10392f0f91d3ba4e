"""What the ids of masks and label maps mean in `hypseg evaluate`: as options say, else a checkpoint, else a map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
) -> ClassNames:
    """Classes, tree, void and colours: as options say, else the checkpoint's header, else the first label map itself.

    `translated`: the ids of the label maps are replaced by others, so that what the map says of them does not count.
    Raises UsageError where these contradict each other, and where nothing names the classes.
    """
    from hypsegcli.hierarchy.tree import flat_tree, read_class_names, read_tree
    from hypsegcli.images.metadata import read_metadata
    from hypsegcli.pictures.palette import spread_colors

    own = read_metadata(label_map) if label_map is not None and not translated else None
    own_names, own_tree = names_of_map(own, origin=f"{label_map}")
    if options.classes is not None:
        classes: Sequence[str] = read_class_names(options.classes)
    elif header is not None:
        classes = header.tree.names[: header.tree.classes]
    else:
        classes = own_names or ()
        if not classes:
            raise UsageError(
                "these label maps do not tell what their ids mean; name a class list with --classes, or their "
                "--checkpoint"
            )
    if header is not None and len(classes) != header.tree.classes:
        raise UsageError(
            f"--classes {options.classes}: has {len(classes)} classes, the checkpoint {header.tree.classes}; "
            "translate ids with --map"
        )
    if own_names is not None and own_names != tuple(classes):
        raise UsageError(
            f"{label_map}: says that its ids mean {first_of(own_names, _NAMED)}, the class list has "
            f"{first_of(classes, _NAMED)}; translate with --prediction-map, or name the class list of these maps"
        )
    if options.tree is not None:
        tree = read_tree(options.tree, classes)
    elif header is not None and options.classes is None:
        tree = header.tree
    else:
        tree = own_tree or flat_tree(classes)
    rule = rule_of_map(own, tree, origin=f"{label_map}")
    if ignore_index is None:
        told = own if header is None else header
        ignore_index = 255 if told is None or told.ignore_index is None else told.ignore_index
    background = header.background if header is not None else None
    if scoring.background:
        background = _class_id("--background", scoring.background, classes)
    colors = header.colors if header is not None else spread_colors(len(classes), background=background)
    return ClassNames(tree, ignore_index, colors, _unseen(scoring.unseen, classes), background, rule)


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
