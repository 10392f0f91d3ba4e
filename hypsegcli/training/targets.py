"""What the masks of crops say beside classes and void; negative, so that it is no id of a file."""

from __future__ import annotations

OTHER = -1  # a pixel of another world: nothing is right there


def of_node(node: int, classes: int) -> int:
    """What stands for a node of a class tree: a class for itself, the inner nodes K, K + 1, ... for -2, -3, ..."""
    return node if node < classes else classes - 2 - node


def inner_node(target: int, classes: int) -> int:
    """The inner node that a target below `OTHER` stands for."""
    return classes - 2 - target
