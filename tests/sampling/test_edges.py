"""Edges by hand, and the nearest of them by trying all."""

import numpy as np
import pytest

from hypsegcli.sampling.edges import label_edges, nearest_edge


def test_both_sides_of_a_boundary_are_edges_but_none_of_void() -> None:
    labels = np.array([[1, 1, 2, 2], [1, 1, 2, 9], [1, 1, 9, 9], [3, 9, 9, 2]])
    expected = np.array([[0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]], bool)
    assert np.array_equal(label_edges(labels, void=9), expected)
    assert label_edges(labels).sum() > expected.sum()
    assert not label_edges(np.full((3, 4), 5)).any()


@pytest.mark.parametrize("size", [(37, 50), (1, 9), (24, 24)])
def test_the_nearest_edge_is_that_of_least_distance(size: tuple[int, int]) -> None:
    edges = np.random.default_rng(0).random(size) < 0.05
    edges[0, -1] = True
    nodes = (5, 7)
    found = nearest_edge(edges, nodes)
    last = np.array(size) - 1
    everywhere = np.argwhere(edges)
    for i in range(nodes[0]):
        for j in range(nodes[1]):
            node = np.rint(np.array([i / (nodes[0] - 1), j / (nodes[1] - 1)]) * last)
            edge = np.rint(found[i, j] * last)
            assert edges[tuple(edge.astype(int))]
            assert np.linalg.norm(edge - node) == np.linalg.norm(everywhere - node, axis=1).min()


def test_there_must_be_an_edge() -> None:
    with pytest.raises(ValueError, match="no edge"):
        nearest_edge(np.zeros((4, 4), bool), (3, 3))
