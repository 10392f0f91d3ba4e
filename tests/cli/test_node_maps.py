"""What label maps that hold nodes say of their ids."""

from __future__ import annotations

from typing import Any

import pytest

from hypsegcli.cli.node_maps import names_of_map, rule_of_map
from hypsegcli.errors import TreeError, UsageError
from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.images.metadata import MapMetadata

TREE = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)
AUTO = {"names": (*TREE.names, "undecided"), "level": "auto", "parents": TREE.parents, "threshold": 0.7}


def own(**fields: Any) -> MapMetadata:
    return MapMetadata(kind="labels", **fields)


def test_maps_of_classes_name_them_and_have_no_rule() -> None:
    assert names_of_map(own(names=("a", "b"), level=None), origin="x") == (("a", "b"), None)
    assert names_of_map(own(), origin="x") == names_of_map(None, origin="x") == (None, None)
    assert rule_of_map(own(names=("a", "b")), flat_tree("ab"), origin="x") is None
    assert rule_of_map(None, TREE, origin="x") is None


@pytest.mark.parametrize(
    ("fields", "rule"),
    [(AUTO, Rule("auto", 0.7)), (AUTO | {"names": TREE.names, "level": 1, "threshold": None}, Rule(1))],
)
def test_maps_of_nodes_tell_their_tree_and_rule(fields: dict[str, Any], rule: Rule) -> None:
    names, tree = names_of_map(own(**fields), origin="x")
    assert (names, tree) == (("sky", "road", "car"), TREE)
    assert rule_of_map(own(**fields), TREE, origin="x") == rule


def test_a_flat_tree_is_one_too() -> None:
    fields = {"names": ("a", "b", "undecided"), "level": "auto", "parents": (-1, -1)}
    assert names_of_map(own(**fields), origin="x") == (("a", "b"), flat_tree("ab"))


def test_maps_of_nodes_without_their_tree_do_not_tell_which_are_classes() -> None:
    fields = {name: value for name, value in AUTO.items() if name != "parents"}
    assert names_of_map(own(**fields), origin="x") == (None, None)
    assert rule_of_map(own(**fields), TREE, origin="x") == Rule("auto", 0.7)


@pytest.mark.parametrize("parents", [(-1, 3, 3, 4), (1, 2, 0, -1), (-1, 9, 3, -1), (-1, -5, 3, -1)])
def test_what_is_no_tree_is_refused(parents: tuple[int, ...]) -> None:
    with pytest.raises(TreeError, match=r"maps/a\.png: "):
        names_of_map(own(**AUTO | {"parents": parents}), origin="maps/a.png")


def test_classes_may_be_called_otherwise_in_the_same_tree() -> None:
    """As by --classes; whether those are the same classes, is compared where the list is read."""
    heaven = ClassTree(names=("heaven", "road", "car", "ground"), parents=TREE.parents, classes=3)
    assert rule_of_map(own(**AUTO), heaven, origin="x") == Rule("auto", 0.7)


MOVED = ClassTree(names=TREE.names, parents=(3, 3, 3, -1), classes=3)  # the sky is ground by now
RENAMED = ClassTree(names=(*TREE.names[:3], "floor"), parents=TREE.parents, classes=3)


@pytest.mark.parametrize(
    "tree", [flat_tree(("sky", "road", "car")), flat_tree(TREE.names[:2]), flat_tree(TREE.names), MOVED, RENAMED]
)
def test_nodes_of_another_tree_are_refused(tree: ClassTree) -> None:
    with pytest.raises(
        UsageError, match=r"maps/a\.png: made with --level auto, .* of another one; name the --checkpoint"
    ):
        rule_of_map(own(**AUTO), tree, origin="maps/a.png")
