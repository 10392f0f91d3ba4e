"""From node logits to class probabilities, and from those to a decision at any level of the tree.

Softmax runs within each set of siblings; the probability of a class is the product along its path, in log
space, with nothing clamped unless it is asked for (the reference holds each factor above 1e-4, so that its classes do
not sum to 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from hypsegcli.hierarchy.rule import Factors, Rule
from hypsegcli.hierarchy.tree import ROOT, ClassTree

SIBLINGS = Factors()


def node_log_conditionals(logits: Tensor, tree: ClassTree) -> Tensor:
    """Log-softmax within siblings: (B, M, ...) logits to (B, M, ...) log P(node | parent)."""
    groups = tree.sibling_groups()
    order = np.array([node for group in groups for node in group])
    # Where a node is found again: sorted here, since in a graph that is exported sorting would stay a layer.
    there, back = (torch.from_numpy(places).to(logits.device) for places in (order, order.argsort()))
    parts = torch.split(logits.index_select(1, there), [len(group) for group in groups], dim=1)
    grouped = torch.cat([part.log_softmax(1) for part in parts], dim=1)
    return grouped.index_select(1, back)


def class_log_probabilities(logits: Tensor, tree: ClassTree, factors: Factors = SIBLINGS) -> Tensor:
    """(B, K, ...) log-probabilities that sum to 1 over the classes.

    The logits are (B, M, ...), one a node, for a hierarchical head; (B, K, ...) for a flat one, whatever the tree.
    Where factors are held above a least one, classes do not sum to 1.
    """
    if logits.shape[1] == tree.classes:
        return logits.log_softmax(1)
    steps = node_log_conditionals(logits, tree) if factors.of_siblings else logits
    if factors.least is not None:
        steps = steps.clamp_min(math.log(factors.least))
    paths = [torch.tensor(tree.path(leaf), device=logits.device) for leaf in range(tree.classes)]
    scores = torch.stack([steps.index_select(1, path).sum(1) for path in paths], dim=1)
    return scores if factors.of_siblings else scores.log_softmax(1)


def node_probabilities(probabilities: Tensor, tree: ClassTree) -> Tensor:
    """(B, M, ...) probability of every node, the sum of the classes below it, from (B, K, ...)."""
    below = torch.from_numpy(tree.leaves_below()).to(probabilities)
    summed: Tensor = torch.einsum("mk,bk...->bm...", below, probabilities)
    return summed


def decide_at_level(probabilities: Tensor, tree: ClassTree, level: int) -> Tensor:
    """(B, ...) int64 node ids: the most probable node among those that stand for the classes at a depth of the tree."""
    return _at_level(node_probabilities(probabilities, tree), tree, level)


def decide_as_deep_as_sure(probabilities: Tensor, tree: ClassTree, threshold: float) -> Tensor:
    """(B, ...) int64 node ids: the deepest node whose probability exceeds the threshold, M where none does.

    With a threshold of at least one half these nodes form a chain, so the decision does not depend on their order;
    M stands for the root: the network does not even know the coarsest group.
    """
    return _as_deep_as_sure(_likeliest(node_probabilities(probabilities, tree), tree), tree, threshold)


def decide_by_rules(probabilities: Tensor, tree: ClassTree, rules: Sequence[Rule]) -> Iterator[Tensor]:
    """The answers (B, ...) by one rule after the other, as the functions above give them, in little more time."""
    scores = node_probabilities(probabilities, tree)
    likeliest = _likeliest(scores, tree)
    for level, threshold in rules:
        if level != "auto":
            yield _at_level(scores, tree, level)
        else:
            yield _as_deep_as_sure(likeliest, tree, 0.5 if threshold is None else threshold)


def answer_chances(probabilities: Tensor, tree: ClassTree, answers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How probable answers (B, ...) are: node ids, M where the network does not even know the coarsest group.

    (B, ...) each: the probability of the node; that of the most probable class; and whether that class is the node or
    lies below it. In place of M stands the most probable of the coarsest nodes.
    """
    scores = node_probabilities(probabilities, tree)
    coarsest = torch.tensor([node for node in range(tree.nodes) if tree.parents[node] == ROOT], device=scores.device)
    nodes = torch.where(answers == tree.nodes, coarsest[scores.index_select(1, coarsest).argmax(1)], answers)
    best = probabilities.max(1)
    below = torch.from_numpy(tree.leaves_below()).to(scores.device)
    return scores.gather(1, nodes[:, None])[:, 0], best.values, below[nodes, best.indices]


def _at_level(scores: Tensor, tree: ClassTree, level: int) -> Tensor:
    nodes = torch.from_numpy(np.unique(tree.at_level(level))).to(scores.device)
    return nodes[scores.index_select(1, nodes).argmax(1)]


def _likeliest(scores: Tensor, tree: ClassTree) -> list[tuple[Tensor, Tensor]]:
    """Of every depth, from the coarsest on, the most probable node, (B, ...) int64, and its probability."""
    found = []
    for depth in range(1, tree.max_depth + 1):
        nodes = torch.tensor([node for node in range(tree.nodes) if tree.depth(node) == depth], device=scores.device)
        best = scores.index_select(1, nodes).max(1)
        found.append((nodes[best.indices], best.values))
    return found


def _as_deep_as_sure(likeliest: Sequence[tuple[Tensor, Tensor]], tree: ClassTree, threshold: float) -> Tensor:
    if not 0.5 <= threshold < 1.0:
        raise ValueError(f"the threshold must lie in [0.5, 1), found {threshold}")
    deepest = torch.full_like(likeliest[0][0], tree.nodes)
    for nodes, probability in likeliest:
        deepest = torch.where(probability > threshold, nodes, deepest)
    return deepest
