"""Whether answers as deep as the network is sure are right more often than classes, and how deep they go.

    python benchmarks/levels.py CHECKPOINT IMAGES MASKS

A row for the classes, one for each coarser depth of the class tree (`--level 1`, ...), and one for each threshold of
`--level auto`. An answer is right where it is the true class or a node above it. `answered` is the share of the pixels
that get one, `a class` the share whose answer is a class, `depth` the mean depth of the answers in levels of the tree.
Pixels are those that are labelled, without those of the background class, where nothing can be said by halves.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import hypsegcli
from hypsegcli.hierarchy.softmax import decide_as_deep_as_sure, decide_at_level
from hypsegcli.truth.masks import read_mask
from hypsegcli.truth.pairs import pair_files

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("checkpoint", "images", "masks"):
        parser.add_argument(name)
    parser.add_argument("--longest-side", type=int)
    given = parser.parse_args()
    model = hypsegcli.load_model(given.checkpoint, longest_side=given.longest_side or "auto", probabilities=True)
    header = model.header
    tree = header.tree
    answers: dict[str, Callable[[Tensor], Tensor]] = {"class": lambda probabilities: probabilities.argmax(1)}
    for level in reversed(range(1, tree.max_depth)):
        answers[f"level {level}"] = partial(decide_at_level, tree=tree, level=level)
    for threshold in THRESHOLDS:
        answers[f"auto, {threshold:g}"] = partial(decide_as_deep_as_sure, tree=tree, threshold=threshold)
    # The last node is no answer: nothing is below it, and it is nowhere in the tree.
    above = np.pad(tree.ancestors(), ((0, 0), (0, 1)))
    depth = np.array([*map(tree.depth, range(tree.nodes)), 0])
    counts = {name: np.zeros(5, np.int64) for name in answers}
    pairs = pair_files(images=given.images, masks=given.masks, predictions=None)
    photographs = [pair.image for pair in pairs if pair.image is not None]
    for pair, result in zip(pairs, model.segment_many(photographs), strict=True):
        truth: NDArray[np.int64] = read_mask(pair.mask, classes=tree.classes, ignore_index=header.ignore_index).astype(
            np.int64
        )
        judged = truth != tree.classes  # void
        if header.background is not None:
            judged &= truth != header.background
        assert result.probabilities is not None
        probabilities = torch.from_numpy(result.probabilities[:, judged].astype(np.float32))[None]
        for name, decide in answers.items():
            nodes = decide(probabilities)[0].numpy()
            right = above[truth[judged], nodes]
            counts[name] += [
                judged.sum(), (nodes < tree.nodes).sum(), right.sum(), (nodes < tree.classes).sum(), depth[nodes].sum()
            ]  # fmt: skip
    print("| answer | answered | right | a class | depth |", "| --- " * 5 + "|", sep="\n")  # noqa: T201
    for name, (pixels, answered, right, classes, deep) in counts.items():
        row = f"{answered / pixels:.1%} | {right / answered:.1%} | {classes / pixels:.1%} | {deep / answered:.2f}"
        print(f"| {name} | {row} |")  # noqa: T201


if __name__ == "__main__":
    main()
