"""What a label map says of its ids: classes, or nodes of a class tree, as `hypseg predict --level` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.errors import UsageError
from hypsegcli.hierarchy.rule import Rule

if TYPE_CHECKING:
    from hypsegcli.hierarchy.tree import ClassTree
    from hypsegcli.images.metadata import MapMetadata


def names_of_map(own: MapMetadata | None, *, origin: str) -> tuple[tuple[str, ...] | None, ClassTree | None]:
    """The names of the classes, where a map tells which of its ids are classes, and its tree, where it holds nodes.

    TreeError where what it tells is no tree.
    """
    from hypsegcli.hierarchy.tree import tree_of_nodes

    if own is None or own.names is None or own.level is None:
        return (None if own is None else own.names), None
    if own.parents is None:  # 0.1.0 did not write them
        return None, None
    tree = tree_of_nodes(own.names[: len(own.parents)], own.parents, origin=origin)
    return tree.names[: tree.classes], tree


def rule_of_map(own: MapMetadata | None, tree: ClassTree, *, origin: str) -> Rule | None:
    """By which rule a map answers with nodes of the tree; None where it holds classes.

    UsageError where its ids are nodes of another tree.
    """
    from hypsegcli.products.product import ROOT_NAME

    if own is None or own.level is None:
        return None
    names = tree.names
    if own.names is not None and own.parents is not None:  # then whoever calls has compared the names of classes
        names = (*own.names[: tree.classes], *tree.names[tree.classes :])
    if own.names not in (names, (*names, ROOT_NAME)) or own.parents not in (None, tree.parents):
        raise UsageError(
            f"{origin}: made with --level {own.level}, so that its ids are nodes of a class tree, but of another one; "
            "name the --checkpoint that made it, or its --classes and --tree"
        )
    return Rule(own.level, own.threshold)
