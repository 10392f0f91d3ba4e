"""ClassTree: the K classes, the inner nodes above them, and who is whose parent.

Node order is the reference implementation's: a class keeps its label value, inner nodes get K, K + 1, ... in
breadth-first order of the JSON's keys, the root is not a node. M counts all nodes. Where label values have gaps
(COCO-Stuff has) the reference invents classes for them; here they are refused.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, ValidationError, model_validator

from hypsegcli.errors import TreeError
from hypsegcli.files.text import UnreadableTextError, composed, read_text
from hypsegcli.files.words import first_of, shorten

ROOT = -1
_BACKGROUND = ("background", "Background")  # what the class is called that is the rest of the world
MOST_NODES, MOST_LEVELS = 10_000, 500  # who is above whom is a table of M x M bytes, made in M x levels steps
# Names in a sentence, those that may be chosen among, and letters of each: they come from files.
_NAMED, _MANY, _LETTERS = 5, 50, 80


def _short(name: str) -> str:
    return shorten(name, _LETTERS)


class ClassTree(BaseModel):
    """Names and parents of the M nodes: first the K classes (the leaves), then the inner nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: Annotated[tuple[str, ...], FailFast()]  # (M,)
    parents: Annotated[tuple[int, ...], FailFast()]  # (M,), -1 for children of the root
    classes: int  # K

    @model_validator(mode="after")
    def _consistent(self) -> ClassTree:
        M, K = len(self.names), self.classes
        if len(self.parents) != M or not 1 <= K <= M:
            raise ValueError(f"{M} names, {len(self.parents)} parents and {K} classes do not make a tree")
        if M > MOST_NODES:
            raise ValueError(f"{M:,} nodes; a class tree has at most {MOST_NODES:,}")
        if twice := sorted(name for name, times in Counter(self.names).items() if times > 1):
            raise ValueError(
                f"a node's name must be its own, but these occur twice: {first_of(twice, _NAMED, letters=_LETTERS)}"
            )
        for node, parent in enumerate(self.parents):
            if parent != ROOT and not K <= parent < M:
                raise ValueError(f"the parent of '{_short(self.names[node])}' is not an inner node")
        if childless := set(range(K, M)) - set(self.parents):
            raise ValueError(f"the inner node '{_short(self.names[min(childless)])}' has no children")
        self._check_depths()
        return self

    def _check_depths(self) -> None:
        """Every node leads to the root in few steps; each is gone through once."""
        depths = {ROOT: 0}
        for node in range(len(self.names)):
            below, at = list[int](), node
            seen = set[int]()
            while at not in depths:
                if at in seen:
                    raise ValueError(f"'{_short(self.names[at])}' is its own ancestor")
                seen.add(at)
                below.append(at)
                at = self.parents[at]
            for each in reversed(below):
                depths[each] = depths[self.parents[each]] + 1
        if (deepest := max(depths.values())) > MOST_LEVELS:
            raise ValueError(f"{deepest:,} levels; a class tree has at most {MOST_LEVELS}")

    @property
    def nodes(self) -> int:
        """M, the number of nodes without the root."""
        return len(self.names)

    @property
    def is_flat(self) -> bool:
        """Whether every class hangs from the root."""
        return self.nodes == self.classes

    def path(self, node: int) -> tuple[int, ...]:
        """From just below the root down to the node, both ends included."""
        steps = [node]
        while (parent := self.parents[steps[-1]]) != ROOT:
            steps.append(parent)
        return tuple(reversed(steps))

    def depth(self, node: int) -> int:
        """1 for children of the root."""
        return len(self.path(node))

    @property
    def max_depth(self) -> int:
        """Depth of the deepest class."""
        return max(self.depth(leaf) for leaf in range(self.classes))

    def sibling_groups(self) -> tuple[tuple[int, ...], ...]:
        """The nodes that share a parent, for every parent (the root first), each group in node order."""
        groups: dict[int, list[int]] = {}
        for node, parent in enumerate(self.parents):
            groups.setdefault(parent, []).append(node)
        return tuple(tuple(groups[parent]) for parent in sorted(groups))

    def ancestors(self) -> NDArray[np.bool_]:
        """(M, M): [i, j] is True where j is i or an ancestor of i."""
        table = np.zeros((self.nodes, self.nodes), dtype=bool)
        for node in range(self.nodes):
            table[node, list(self.path(node))] = True
        return table

    def leaves_below(self) -> NDArray[np.bool_]:
        """(M, K): [i, k] is True where class k is node i or lies below it."""
        return self.ancestors()[: self.classes].T.copy()

    def families(self) -> tuple[tuple[int, ...], ...]:
        """The classes below each inner node, sorted: all of the tree that scores see, whatever its nodes are called."""
        below = self.leaves_below()[self.classes :]
        return tuple(sorted(tuple(np.flatnonzero(row).tolist()) for row in below))

    def at_level(self, level: int) -> NDArray[np.intp]:
        """(K,): the node that stands for each class at a depth; classes that end above it stand for themselves."""
        if not 1 <= level <= self.max_depth:
            raise TreeError(f"level {level} does not exist: this class tree has levels 1 to {self.max_depth}")
        return np.asarray([self.path(leaf)[:level][-1] for leaf in range(self.classes)], dtype=np.intp)

    def level_of(self, name: str) -> int:
        """Depth of the node called `name`."""
        if name not in self.names:
            inner = first_of(self.names[self.classes :], _MANY, letters=_LETTERS) or "none (the tree is flat)"
            raise TreeError(f"no node of the class tree is called '{_short(name)}'; inner nodes are: {inner}")
        return self.depth(self.names.index(name))


def background_of(tree: ClassTree) -> int | None:
    """The class that is the rest of the world, as its name tells; None where no class is called so."""
    names = tree.names[: tree.classes]
    return next((names.index(name) for name in _BACKGROUND if name in names), None)


def flat_tree(names: Sequence[str]) -> ClassTree:
    """The tree in which every class hangs from the root; TreeError where the names do not make one."""
    return _checked(tuple(names), (ROOT,) * len(names), classes=len(names))


def tree_of_nodes(names: Sequence[str], parents: Sequence[int], *, origin: str) -> ClassTree:
    """The tree of nodes whose parents are known, -1 for the root; TreeError where they make none.

    Inner nodes follow the classes, so that the first that is a parent is the first inner one.
    """
    inner = [parent for parent in parents if parent != ROOT]
    return _checked(tuple(names), tuple(parents), classes=min(inner, default=len(names)), origin=origin)


def _checked(
    names: tuple[str, ...], parents: tuple[int, ...], *, classes: int, origin: str = "the class list"
) -> ClassTree:
    """The tree, where it is one; TreeError otherwise, where the checkpoint's header says it in its own way."""
    try:
        return ClassTree(names=names, parents=parents, classes=classes)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise TreeError(f"{origin}: {reason}") from error


def read_class_names(path: Path) -> tuple[str, ...]:
    """Names from an `id:name` file, one a line; ids are label values and must run from 0 without gaps.

    The name is everything after the first colon; blank lines are skipped.
    """
    names: dict[int, str] = {}
    taken = set[str]()
    try:
        lines = read_text(path).splitlines()
    except UnreadableTextError as error:
        raise TreeError(
            f"{path}: cannot read the class list ({error}); it has a line such as '0:sky' a class"
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        index, colon, name = line.partition(":")
        index, name = index.strip(), composed(name.strip())
        # Python itself refuses to read numbers of thousands of digits; nobody has a billion classes.
        if not colon or not index.isdecimal() or len(index) > 9 or not name:
            raise TreeError(f"{path}, line {number}: found '{line.strip()[:60]}', expected 'id:name', such as '0:sky'")
        if int(index) in names:
            raise TreeError(f"{path}, line {number}: the id {int(index)} is given a second time")
        if name in taken:
            raise TreeError(f"{path}, line {number}: the name '{_short(name)}' is given a second time")
        names[int(index)] = name
        taken.add(name)
    missing = list(islice((i for i in range(max(names, default=-1) + 1) if i not in names), 10))
    if missing or not names:
        gap = f"ids {', '.join(map(str, missing))} are missing" if names else "it has no classes"
        raise TreeError(f"{path}: ids must run from 0 without gaps, but {gap}")
    return tuple(names[index] for index in range(len(names)))


def read_tree(path: Path, class_names: Sequence[str]) -> ClassTree:
    """The tree in a JSON file of nested objects with one root key, `{}` for a leaf (the reference's format)."""
    try:
        document = json.loads(read_text(path), object_pairs_hook=_no_twins(path))
    except (ValueError, RecursionError) as error:
        raise TreeError(f"{path}: cannot read the class tree: {error}") from error
    children = next(iter(document.values()), None) if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(children, dict):
        raise TreeError(f'{path}: expected one root key, as in {{"root": {{"sky": {{}}, ...}}}}')
    return build_tree(children, class_names, origin=path)


def _no_twins(path: Path) -> Any:
    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            twice = sorted(key for key, times in Counter(keys).items() if times > 1)
            raise TreeError(
                f"{path}: these names occur twice under one parent: {first_of(twice, _NAMED, letters=_LETTERS)}"
            )
        return dict(pairs)

    return hook


def build_tree(children: Mapping[str, Any], class_names: Sequence[str], *, origin: object) -> ClassTree:
    """The tree of nested objects below the root, `{}` for a leaf; `origin` is what messages call them.

    Raises TreeError where a leaf is no class, a class no leaf, or a name is not its own.
    """
    index = {composed(name): number for number, name in enumerate(class_names)}
    if len(index) != len(class_names):
        raise TreeError(f"{origin}: two classes of the class list have the same name")
    names, parents = list(class_names), [ROOT] * len(class_names)
    placed: set[str] = set()
    queue: deque[tuple[Mapping[str, Any], int]] = deque([(children, ROOT)])
    while queue:
        below, parent = queue.popleft()
        for spelled, grandchildren in below.items():
            name = composed(spelled)
            if not isinstance(grandchildren, dict):
                raise TreeError(
                    f"{origin}: every node must be an object, '{{}}' for a class; found {grandchildren!r:.60} at "
                    f"'{_short(name)}'"
                )
            if name in placed:
                raise TreeError(f"{origin}: the name '{_short(name)}' occurs twice in the tree")
            placed.add(name)
            if name in index:
                if grandchildren:
                    raise TreeError(f"{origin}: the class '{_short(name)}' has children; a class must be a leaf '{{}}'")
                parents[index[name]] = parent
                continue
            if not grandchildren:
                raise TreeError(f"{origin}: the leaf '{_short(name)}' is not in the class list")
            names.append(name)
            parents.append(parent)
            queue.append((grandchildren, len(names) - 1))
    if missing := [name for name in class_names if composed(name) not in placed]:
        raise TreeError(f"{origin}: these classes are not in the tree: {first_of(missing, _NAMED, letters=_LETTERS)}")
    return _checked(tuple(names), tuple(parents), classes=len(class_names), origin=f"{origin}")
