"""Random images as they are scored."""

from __future__ import annotations

import numpy as np

from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.scores.tally import AnswerScheme, Sample, Scheme, Tolerance

CLASSES = 4
TREE = ClassTree(names=("a", "b", "c", "d", "ab", "cd"), parents=(4, 4, 5, 5, -1, -1), classes=CLASSES)
ANSWERS = AnswerScheme(TREE, (Rule("auto", 0.5), Rule(1)), ("distance",))
SCHEME = Scheme(CLASSES, ("distance", "entropy"), Tolerance(2.0, is_share=False), main="distance", answers=ANSWERS)


def random_sample(seed: int, *, size: tuple[int, int] = (40, 50), key: str | None = None) -> Sample:
    """Blobs of classes with some void, answers that are mostly right, confidence that is lower where they are wrong."""
    rng = np.random.default_rng(seed)
    height, width = size
    coarse = rng.integers(0, CLASSES + 1, (height // 8 + 1, width // 8 + 1), dtype=np.uint8)
    truth = np.kron(coarse, np.ones((8, 8), np.uint8))[:height, :width]
    labels = np.where(rng.random(size) < 0.2, rng.integers(0, CLASSES + 1, size), np.minimum(truth, CLASSES - 1))
    labels = labels.astype(np.uint8)
    wrong = labels != truth
    levels = {
        name: np.clip(rng.normal(50_000 - 25_000 * wrong, 12_000), 0, 65535).astype(np.uint16)
        for name in SCHEME.measures
    }
    true = np.where(wrong, rng.random(size) * 0.4, 0.5 + rng.random(size) * 0.5).astype(np.float32)
    proper = np.stack([true, true**2 + (1 - true) ** 2])
    coarse = np.array([4, 4, 5, 5, 6], np.uint8)[labels]
    doubt = rng.random(size)
    deep = np.where(doubt < 0.1, TREE.nodes, np.where((doubt < 0.3) | (labels == CLASSES), coarse, labels))
    return Sample(
        key or f"image {seed}",
        truth,
        labels,
        levels,
        proper.astype(np.float32),
        labels.copy(),
        np.stack([deep, coarse]).astype(np.uint8),
        {"distance": np.minimum(levels["distance"].astype(int) + 5_000 * (deep != labels), 65535).astype(np.uint16)},
    )
