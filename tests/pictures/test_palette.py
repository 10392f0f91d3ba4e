"""Colours of nodes, and colours that differ."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.checkpoint.bundled import MODELS, BundledModel, checkpoint_path
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.pictures.palette import legend_order, node_palette, spread_colors

TREE = ClassTree(names=("a", "b", "c", "d", "all but d", "a and b"), parents=(5, 5, 4, -1, -1, 4), classes=4)
COLORS = ((255, 0, 0), (0, 255, 0), (10, 20, 255), (7, 200, 200))


def cielab(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, 3) by the definition: sRGB, the 2 degree observer, D65."""
    share = colors / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(to_xyz).T / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def apart(palette: NDArray[np.uint8], inner: slice) -> float:
    """The least CIELAB distance of the inner nodes to any other colour."""
    places = cielab(palette)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    return float(distance[inner].min(initial=np.inf))


def test_classes_keep_their_colours_and_undecided_is_black() -> None:
    found = node_palette(COLORS, TREE.leaves_below())
    assert found.dtype == np.uint8
    assert found.shape == (7, 3)
    assert [tuple(row) for row in found[:4].tolist()] == list(COLORS)
    assert found[6].tolist() == [0, 0, 0]


def test_an_inner_node_is_near_the_mean_of_the_classes_below_where_that_is_free() -> None:
    found = cielab(node_palette(COLORS, TREE.leaves_below()))
    means = cielab(np.array([[88, 92, 85], [128, 128, 0]], np.uint8))
    assert np.linalg.norm(found[4:6] - means, axis=1).max() < 8.0, "half a step of the lattice and a little"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_all_that_a_bundled_model_shows_together_can_be_told_apart(model: BundledModel) -> None:
    header = read_header(checkpoint_path(model.name))
    inner = slice(header.tree.classes, header.tree.nodes)
    found = node_palette(header.colors, header.tree.leaves_below())
    assert [tuple(row) for row in found[: header.tree.classes].tolist()] == list(header.colors)
    assert apart(found, inner) >= 20.0


@pytest.mark.parametrize(
    ("classes", "inner", "least"), [(19, 8, 20.0), (59, 21, 20.0), (182, 40, 20.0), (150, 600, 4.0)]
)
def test_inner_nodes_are_apart_as_long_as_there_is_room(classes: int, inner: int, least: float) -> None:
    below = np.zeros((classes + inner, classes), bool)
    below[np.arange(classes), np.arange(classes)] = True
    below[classes + np.arange(inner), np.arange(inner) % classes] = True
    found = node_palette(spread_colors(classes), below)
    assert apart(found, slice(classes, classes + inner)) >= least
    assert np.array_equal(found, node_palette(spread_colors(classes), below)), "the same on every call"


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
