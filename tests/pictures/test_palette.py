"""Colours of nodes, and colours that differ."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.pictures.palette import legend_order, node_palette, spread_colors


def test_inner_nodes_are_the_mean_of_the_classes_below() -> None:
    tree = ClassTree(names=("a", "b", "c", "d", "all but d", "a and b"), parents=(5, 5, 4, -1, -1, 4), classes=4)
    colors = ((255, 0, 0), (0, 255, 0), (10, 20, 255), (7, 8, 9))
    found = node_palette(colors, tree.leaves_below())
    assert found.dtype == np.uint8
    assert [tuple(row) for row in found[:4].tolist()] == list(colors)
    assert found[4].tolist() == [round(265 / 3), round(275 / 3), 85]
    assert found[5].tolist() == [128, 128, 0]
    assert found[6].tolist() == [0, 0, 0], "undecided"
    assert len(found) == 7


@pytest.mark.parametrize("count", [0, 1, 2, 11, 150])
def test_spread_colours_differ_from_their_neighbours(count: int) -> None:
    colors = spread_colors(count)
    assert len(colors) == len(set(colors)) == count
    assert all(isinstance(value, int) and 0 <= value <= 255 for color in colors for value in color)
    assert colors == spread_colors(count + 5)[:count], "a class keeps its colour when others follow"
    table = np.array(colors, int).reshape(-1, 3)
    for steps in range(1, 21):  # as many as a legend shows beside each other
        assert (np.abs(table[steps:] - table[:-steps]).max(axis=1) >= 25).all()
    assert (np.abs(np.diff(table, axis=0)).max(axis=1) > 100).all()


@pytest.mark.parametrize("background", [0, 4, 10])
def test_the_background_is_a_grey_between_the_colours_of_the_others(background: int) -> None:
    colors = list(spread_colors(11, background=background))
    red, green, blue = colors.pop(background)
    assert 0 < red == green == blue < 128, "neither undecided nor not labelled"
    assert tuple(colors) == spread_colors(10)


def test_a_legend_lists_what_occurs_by_share_and_the_background_last() -> None:
    counts = np.array([9, 0, 5, 7, 5])
    assert legend_order(counts) == [0, 3, 2, 4]
    assert legend_order(counts, background=0) == [3, 2, 4, 0]
    assert legend_order(counts, background=4) == [0, 3, 2, 4]
    assert legend_order(counts, background=1) == [0, 3, 2, 4], "it does not occur"
