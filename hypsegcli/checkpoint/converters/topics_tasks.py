"""The task files of TOPICS, CSV tables that say which row of a classifier is which node of a class tree.

A row is a node, by the names of all above it: `root--obstacle--static`. `gt_id` are the label values that it stands
for, none of an inner node. `start` is the step of training from which on there is a row for it, 0 for what is ignored.
The rows of later steps come after those of earlier ones, and may divide a class of theirs.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hypsegcli.errors import TreeError
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.hierarchy.tree import ROOT, ClassTree, tree_of_nodes

_COLUMNS = {"class", "gt_id", "start", "end"}
_SEPARATOR = "--"


class _Node(NamedTuple):
    path: tuple[str, ...]  # from the root down
    start: int
    end: int  # the step from which on its children stand for it, where the file divides classes
    has_labels: bool


class Rows(NamedTuple):
    """The rows of a classifier."""

    tree: ClassTree
    order: tuple[int, ...]  # (M,) of each node of the tree, its row
    both: tuple[str, ...]  # inner nodes that the file has as classes as well


class Tasks(NamedTuple):
    """The nodes in the order of the classifier's rows."""

    path: Path
    nodes: tuple[_Node, ...]
    divides: bool  # whether later steps divide classes

    def rows(self, sizes: Sequence[int]) -> Rows:
        """What the rows of a classifier are, after steps of training that brought so many each.

        Nodes that nothing lies below are classes, in the order of their rows, but for those that stand for no labels,
        or no longer: these never win, and are left out. A node is called by its last name, and by as many of those
        above it as tell it from others. What has no row, as `root`, is no node. TreeError where the steps are not those
        of the file.
        """
        known = self._known(sizes)
        row_of = {node.path: row for row, node in enumerate(known)}
        above = []
        for node in known:
            ends = range(len(node.path) - 1, 0, -1)
            above.append(next((row_of[node.path[:end]] for end in ends if node.path[:end] in row_of), ROOT))
        wins = [node.has_labels and not (self.divides and node.end <= len(sizes)) for node in known]
        leaves = [row for row in range(len(known)) if wins[row] and row not in set(above)]
        inner = sorted({at for leaf in leaves for at in _ancestors(leaf, above)})
        order = [*leaves, *inner]
        place = {row: number for number, row in enumerate(order)} | {ROOT: ROOT}
        names = _names([known[row].path for row in order])
        tree = tree_of_nodes(names, [place[above[row]] for row in order], origin=str(self.path))
        both = tuple(names[place[row]] for row in inner if wins[row])
        return Rows(tree, tuple(order), both)

    def _known(self, sizes: Sequence[int]) -> tuple[_Node, ...]:
        """The nodes of the first steps; without the first of all, void, where the classifier was trained so."""
        for first in (0, 1):
            nodes = [node for node in self.nodes[first:] if node.start <= len(sizes)]
            if [sum(node.start == step for node in nodes) for step in range(1, len(sizes) + 1)] == [*sizes]:
                return tuple(nodes)
        found = " + ".join(str(sum(node.start == step for node in self.nodes)) for step in range(1, len(sizes) + 1))
        raise TreeError(f"{self.path}: has {found} nodes, but the classifier {' + '.join(map(str, sizes))} rows")


def read_tasks(path: Path) -> Tasks:
    """Read a task file; TreeError where it is none."""
    try:
        table = list(csv.DictReader(read_text(path).splitlines()))
    except (UnreadableTextError, csv.Error) as error:
        raise TreeError(f"{path}: cannot read the task file ({error})") from error
    if not table or not table[0].keys() >= _COLUMNS:
        raise TreeError(f"{path}: expected the columns {', '.join(sorted(_COLUMNS))}, of a task file of TOPICS")
    nodes = list[_Node]()
    for number, line in enumerate(table, start=2):
        name, start, end = (line[column] or "" for column in ("class", "start", "end"))
        if not name or not all(step.isdecimal() and len(step) <= 9 for step in (start, end)):
            raise TreeError(f"{path}, line {number}: expected a class, and the steps in which it starts and ends")
        if int(start) == 0:
            continue
        if nodes and int(start) < nodes[-1].start:
            raise TreeError(f"{path}, line {number}: starts in step {start}, before the line above")
        has_labels = (line["gt_id"] or "").strip() not in {"", "{}"}
        nodes.append(_Node(tuple(name.split(_SEPARATOR)), int(start), int(end), has_labels))
    if len({node.path for node in nodes}) != len(nodes):
        raise TreeError(f"{path}: a class stands there twice")
    # That project tells it by the third character of the file's name, l24_... or l2_...
    return Tasks(path, tuple(nodes), path.name[2:3].isdecimal())


def _ancestors(row: int, above: Sequence[int]) -> list[int]:
    found = list[int]()
    while (row := above[row]) != ROOT:
        found.append(row)
    return found


def _names(nodes: Sequence[tuple[str, ...]]) -> list[str]:
    endings = Counter(node[-length:] for node in nodes for length in range(1, len(node) + 1))
    own = [next(n for n in range(1, len(node) + 1) if endings[node[-n:]] == 1 or n == len(node)) for node in nodes]
    return [_SEPARATOR.join(node[-length:]) for node, length in zip(nodes, own, strict=True)]
