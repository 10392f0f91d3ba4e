"""What the reference implementation says of random inputs: tests/data, and more of the same where it lies beside us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.hierarchy.tree import ROOT, ClassTree
from support import REPOSITORY, SHARED

TREES = ("camvid", "camvid_flat", "pascal")
_SMALL, _WHOLE = REPOSITORY / "tests/data/reference_head.npz", SHARED / "golden/reference_head.npz"
GOLDEN: Path = _WHOLE if _WHOLE.exists() else _SMALL


def golden_cases(tree: str = "") -> list[str]:
    """The names of all cases, or those of one tree."""
    with np.load(GOLDEN) as golden:
        cases = {key.split("/")[0] for key in golden if "_D" in key}
    return sorted(case for case in cases if case.startswith(f"{tree}_D" if tree else ""))


def golden_values(case: str) -> dict[str, NDArray[Any]]:
    """A case's arrays, or a tree's, by name."""
    with np.load(GOLDEN) as golden:
        return {key.split("/")[1]: golden[key] for key in golden if key.split("/")[0] == case}


def golden_tree(name: str) -> ClassTree:
    """A tree as its ancestors tell it, with names of our own: classes are the nodes that have nobody below."""
    ancestors = golden_values(name)["hmat"].astype(bool)
    depth = ancestors.sum(1)
    above = [[j for j in np.flatnonzero(row) if j != i] for i, row in enumerate(ancestors)]
    parents = tuple(int(max(nodes, key=lambda j: depth[j])) if nodes else ROOT for nodes in above)
    classes = int((ancestors.sum(0) == 1).sum())
    return ClassTree(names=tuple(f"node {i}" for i in range(len(parents))), parents=parents, classes=classes)
