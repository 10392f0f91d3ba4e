"""Scores that see classes as nodes of the class tree, all from one confusion matrix.

Mistakes are judged at each depth, relaxed within families of classes, and by how far apart the two classes are. The
reference implementation of "Hyperbolic Image Segmentation" relaxes in two ways that give different numbers:

    mapped    its TensorFlow metrics: truth and answer are both replaced by the parent ("sibling") or the parent's
              parent ("cousin"), and scored as these. The root is a node and its own parent: classes below it are one.
    moved     its NumPy metrics: an answer within the family of the true class counts as the true class, and scores
              are of the classes as ever. The family is all classes below the parent ("sibling") or the parent's
              parent ("cousin"). The root has no family: below it a class stands alone, and where it is the
              parent's parent, cousins are the siblings.

The means are of the convention "cityscapes" (see `classes`). In its "mapped" metrics the reference passes answers
as truth and the reverse, which matters to its class accuracy alone; here it is the mean recall.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hypsegcli.hierarchy.tree import ROOT, ClassTree
from hypsegcli.metrics.classes import Counts, class_scores, mean_scores
from hypsegcli.metrics.records import Level, Relaxed

Definition = Literal["mapped", "moved"]
Family = Literal["sibling", "cousin"]


def level_scores(confusion: Counts, tree: ClassTree) -> list[Level]:
    """Scores at levels 1 to the tree's depth from a (K, K + 1) confusion matrix; the last are those of the classes.

    Level 1 has the children of the root; a class that ends above a level stands for itself.
    """
    levels = []
    for level in range(1, tree.max_depth + 1):
        nodes, merged = _merge(confusion, tree.at_level(level))
        means = mean_scores(merged)
        levels.append(
            Level(
                level=level,
                nodes=[tree.names[node] for node in nodes],
                iou=class_scores(merged).iou.tolist(),
                miou=means.miou,
                pixel_accuracy=means.pixel_accuracy,
                class_accuracy=means.class_accuracy,
            )
        )
    return levels


def relaxed_scores(confusion: Counts, tree: ClassTree) -> list[Relaxed]:
    """Both definitions for both families from a (K, K + 1) confusion matrix."""
    parents = [tree.parents[leaf] for leaf in range(tree.classes)]
    grandparents = [ROOT if parent == ROOT else tree.parents[parent] for parent in parents]
    # Where the root takes part, "moved" falls back to the next smaller family, in the end to the class itself.
    heads = [leaf if parent == ROOT else parent for leaf, parent in enumerate(parents)]
    wide_heads = [head if above == ROOT else above for head, above in zip(heads, grandparents, strict=True)]
    below = tree.leaves_below()
    return [
        _relaxed("mapped", "sibling", _merge(confusion, np.asarray(parents))[1]),
        _relaxed("mapped", "cousin", _merge(confusion, np.asarray(grandparents))[1]),
        _relaxed("moved", "sibling", _move(confusion, below[heads])),
        _relaxed("moved", "cousin", _move(confusion, below[wide_heads])),
    ]


def mistake_distance(confusion: Counts, tree: ClassTree) -> float:
    """Mean number of the tree's edges between the true and the predicted class of wrong pixels that got a class.

    The way leads through the lowest common ancestor, which may be the root. NaN without such pixels, and for a flat
    tree, in which all ways are of two edges: it would say nothing, and keep bounds that were meant for another tree.
    """
    if tree.is_flat:
        return float("nan")
    K = tree.classes
    paths = tree.ancestors()[:K].astype(np.int64)
    depth = paths.sum(axis=1)
    edges = depth[:, None] + depth[None, :] - 2 * (paths @ paths.T)
    mistakes = confusion[:, :K].copy()
    np.fill_diagonal(mistakes, 0)
    wrong = int(mistakes.sum())
    return int((mistakes * edges).sum()) / wrong if wrong else float("nan")


def _merge(confusion: Counts, node_of: NDArray[np.intp]) -> tuple[NDArray[np.intp], Counts]:
    """The N distinct nodes that stand for the classes, in order, and their (N, N + 1) confusion matrix."""
    nodes, group = np.unique(node_of, return_inverse=True)
    N = len(nodes)
    merged = np.zeros((N, N + 1), np.int64)
    np.add.at(merged, np.ix_(group, np.append(group, N)), confusion)
    return nodes, merged


def _move(confusion: Counts, family: NDArray[np.bool_]) -> Counts:
    """The matrix with every answer in the true class's family, a row of the (K, K) table, moved to the true class."""
    moved = confusion.copy()
    answers = moved[:, : len(moved)]
    right = np.where(family, answers, 0).sum(axis=1)
    answers[family] = 0
    np.fill_diagonal(answers, right)
    return moved


def _relaxed(definition: Definition, family: Family, confusion: Counts) -> Relaxed:
    means = mean_scores(confusion)
    return Relaxed(
        family=family,
        definition=definition,
        miou=means.miou,
        pixel_accuracy=means.pixel_accuracy,
        class_accuracy=means.class_accuracy,
    )
