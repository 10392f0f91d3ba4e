"""Names that mean the same in two class lists, and what is left of a tree."""

from __future__ import annotations

import pytest

from hypsegcli.hierarchy.alike import inherit_tree, match_names
from hypsegcli.hierarchy.tree import ClassTree, flat_tree

STREET = ClassTree(
    names=("sky", "road", "lane", "car", "bus", "ground", "vehicle", "mobile"),
    parents=(-1, 5, 5, 6, 6, -1, 7, -1),
    classes=5,
)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (["a", "b"], ["b", "c"], {1: 0}),
        (["Road", "road"], ["road"], {1: 0}),  # the equal one goes before
        (["Road", "ROAD"], ["road"], {}),  # which of the two, nobody knows
        (["road"], ["Road", "ROAD"], {}),
        (["traffic light"], ["Traffic_Light"], {0: 0}),
        ([], ["a"], {}),
    ],
)
def test_names_are_matched(ours: list[str], theirs: list[str], found: dict[int, int]) -> None:
    assert match_names(ours, theirs) == found


def test_all_of_a_tree_is_inherited_by_its_own_classes_in_any_order() -> None:
    names = ("bus", "sky", "road", "car", "lane")
    found = inherit_tree(names, STREET)
    assert found is not None
    assert found.names[:5] == names
    assert found.families() == ((0, 3), (2, 4))
    # `mobile` has one child, which tells nothing apart.
    assert found.names[5:] == ("ground", "vehicle")


def test_what_is_left_of_a_tree() -> None:
    found = inherit_tree(("kiosk", "Car", "bus", "lane"), STREET)
    assert found is not None
    assert found.names == ("kiosk", "Car", "bus", "lane", "vehicle")
    assert found.parents == (-1, 4, 4, -1, -1)


@pytest.mark.parametrize("names", [("a", "b"), ("sky", "road", "car"), ("vehicle", "Mobile", "car", "bus")])
def test_nothing_is_left_of_a_tree(names: tuple[str, ...]) -> None:
    """For no two classes are of one family, or the family is a class now."""
    assert inherit_tree(names, STREET) is None


def test_a_family_that_is_a_class_now_leaves_its_members_to_the_one_above() -> None:
    found = inherit_tree(("vehicle", "sky", "car", "bus"), STREET)
    assert found is not None
    assert (found.names[4:], found.families()) == (("mobile",), ((2, 3),))


def test_a_flat_list_leaves_no_tree() -> None:
    assert inherit_tree(("a", "b"), flat_tree(["a", "b"])) is None


def test_a_tree_of_many_levels() -> None:
    depth = 400
    names = ("a", "b", *(f"node{level}" for level in range(depth)))
    tree = ClassTree(names=names, parents=(depth + 1, depth + 1, -1, *range(2, depth + 1)), classes=2)
    found = inherit_tree(("b", "a", "c"), tree)
    assert found is not None
    assert found.names == ("b", "a", "c", f"node{depth - 1}")
