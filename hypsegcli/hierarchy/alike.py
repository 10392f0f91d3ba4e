"""Two class lists: which of their names mean the same, and the tree of one that fits the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hypsegcli.files.words import name_key
from hypsegcli.hierarchy.tree import ROOT, ClassTree, build_tree


def match_names(ours: Sequence[str], theirs: Sequence[str]) -> dict[int, int]:
    """By the places of our names, those of theirs that mean the same: names that are equal, else `name_key`s.

    A key that two names of one list share means neither of them.
    """
    equal = {name: place for place, name in enumerate(theirs)}
    found = {place: equal[name] for place, name in enumerate(ours) if name in equal}
    left = [place for place in range(len(ours)) if place not in found]
    free = [place for place in range(len(theirs)) if place not in found.values()]
    mine, others = (Counter(name_key(name) for name in names) for names in (ours, theirs))
    keys = {key: place for place in free if others[key := name_key(theirs[place])] == 1}
    for place in left:
        key = name_key(ours[place])
        if mine[key] == 1 and key in keys:
            found[place] = keys[key]
    return dict(sorted(found.items()))


def inherit_tree(names: Sequence[str], theirs: ClassTree) -> ClassTree | None:
    """Their class tree, cut to the classes that these names share with it; the others hang from the root.

    Inner nodes that would have one child, or are called as a class is, are left out. None where no other is left.
    """
    classes = {there: names[here] for here, there in match_names(names, theirs.names[: theirs.classes]).items()}
    below: dict[int, list[int]] = {}
    for node, parent in enumerate(theirs.parents):
        below.setdefault(parent, []).append(node)
    taken = {name_key(name) for name in names}
    cut: dict[int, dict[str, Any]] = {}  # by node, what stands in its place
    # Deepest first, without recursion: a tree may have hundreds of levels.
    for node in sorted(range(theirs.nodes), key=theirs.depth, reverse=True):
        if node < theirs.classes:
            cut[node] = {classes[node]: {}} if node in classes else {}
            continue
        children = _joined(cut[child] for child in below[node])
        name = theirs.names[node]
        cut[node] = {name: children} if len(children) > 1 and name_key(name) not in taken else children
    nested = _joined(cut[child] for child in below[ROOT])
    nested |= {name: {} for name in names if name not in classes.values()}
    tree = build_tree(nested, names, origin="the class tree")
    return None if tree.is_flat else tree


def _joined(parts: Any) -> dict[str, Any]:
    together: dict[str, Mapping[str, Any]] = {}
    for part in parts:
        together |= part
    return together
