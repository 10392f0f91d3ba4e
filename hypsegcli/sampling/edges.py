"""Edges between classes in a map of labels, and the nearest one from anywhere. SciPy is imported where it is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def label_edges(labels: NDArray[Any], *, void: int | None = None) -> NDArray[np.bool_]:
    """(H, W): whether a pixel of the labels (H, W) has one of another class above, below, or beside it.

    So an edge is two pixels wide. Of `void` nobody knows where it ends: it has no edges.
    """
    edges = np.zeros(labels.shape, bool)
    known = np.ones(labels.shape, bool) if void is None else labels != void
    for one, other in (
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        differ = (labels[one] != labels[other]) & known[one] & known[other]
        edges[one] |= differ
        edges[other] |= differ
    return edges


def nearest_edge(edges: NDArray[np.bool_], nodes: tuple[int, int]) -> NDArray[np.float64]:
    """(h, w, 2): for each node of an h x w grid from corner to corner, row and column of the nearest edge, in [0, 1].

    Distances are exact, in pixels (H, W); where several edges are as near, any of them may be the one. ValueError where
    there is no edge at all.
    """
    from scipy.ndimage import distance_transform_edt

    if not edges.any():
        raise ValueError("there is no edge to be near to")
    last = np.array(edges.shape) - 1
    found = distance_transform_edt(~edges, return_distances=False, return_indices=True)
    at = [np.rint(np.linspace(0, end, number)).astype(np.intp) for end, number in zip(last, nodes, strict=True)]
    places: NDArray[np.float64] = np.moveaxis(found[:, at[0][:, None], at[1][None, :]], 0, -1) / np.maximum(last, 1)
    return places
