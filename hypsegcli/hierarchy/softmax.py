"""From node logits to class probabilities, and from those to a decision at any level of the tree.

Softmax runs within each set of siblings; the probability of a class is the product along its path, in log
space, with nothing clamped (the reference holds each factor above 1e-4, so that its classes do not sum to 1).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hypsegcli.hierarchy.tree import ClassTree


def node_log_conditionals(logits: Tensor, tree: ClassTree) -> Tensor:
    """Log-softmax within siblings: (B, M, ...) logits to (B, M, ...) log P(node | parent)."""
    groups = tree.sibling_groups()
    order = torch.tensor([node for group in groups for node in group], device=logits.device)
    parts = torch.split(logits.index_select(1, order), [len(group) for group in groups], dim=1)
    grouped = torch.cat([part.log_softmax(1) for part in parts], dim=1)
    return grouped.index_select(1, order.argsort())


def class_log_probabilities(logits: Tensor, tree: ClassTree) -> Tensor:
    """(B, K, ...) log-probabilities that sum to 1 over the classes.

    The logits are (B, M, ...), one a node, for a hierarchical head; (B, K, ...) for a flat one, whatever the tree.
    """
    if logits.shape[1] == tree.classes:
        return logits.log_softmax(1)
    conditionals = node_log_conditionals(logits, tree)
    paths = [torch.tensor(tree.path(leaf), device=logits.device) for leaf in range(tree.classes)]
    return torch.stack([conditionals.index_select(1, path).sum(1) for path in paths], dim=1)


def node_probabilities(probabilities: Tensor, tree: ClassTree) -> Tensor:
    """(B, M, ...) probability of every node, the sum of the classes below it, from (B, K, ...)."""
    below = torch.from_numpy(tree.leaves_below()).to(probabilities)
    summed: Tensor = torch.einsum("mk,bk...->bm...", below, probabilities)
    return summed


def decide_at_level(probabilities: Tensor, tree: ClassTree, level: int) -> Tensor:
    """(B, ...) int64 node ids: the most probable node among those that stand for the classes at a depth of the tree."""
    nodes = torch.from_numpy(np.unique(tree.at_level(level))).to(probabilities.device)
    return nodes[node_probabilities(probabilities, tree).index_select(1, nodes).argmax(1)]


def decide_as_deep_as_sure(probabilities: Tensor, tree: ClassTree, threshold: float) -> Tensor:
    """(B, ...) int64 node ids: the deepest node whose probability exceeds the threshold, M where none does.

    With a threshold of at least one half these nodes form a chain, so the decision does not depend on their order;
    M stands for the root: the network does not even know the coarsest group.
    """
    if not 0.5 <= threshold < 1.0:
        raise ValueError(f"the threshold must lie in [0.5, 1), found {threshold}")
    scores = node_probabilities(probabilities, tree)
    deepest = torch.full_like(scores[:, 0], tree.nodes, dtype=torch.int64)
    for node in sorted(range(tree.nodes), key=tree.depth):
        deepest = torch.where(scores[:, node] > threshold, node, deepest)
    return deepest
