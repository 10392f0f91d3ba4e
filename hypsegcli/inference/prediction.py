"""Prediction: what comes back for an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
Labels = NDArray[np.uint8 | np.uint16]


def label_type(nodes: int) -> type[np.uint8 | np.uint16]:
    """What holds the ids of a tree's nodes, and one more for undecided."""
    return np.uint8 if nodes < 256 else np.uint16


@dataclass(frozen=True, eq=False)
class Prediction:
    """Planes of one image, all of its height and width."""

    labels: Labels  # (H, W) node ids; classes are 0..K-1, M means undecided
    confidence: Mapping[str, NDArray[np.float32]]  # measure to (H, W), in the measure's unit
    probabilities: NDArray[np.float16] | None = field(default=None)  # (K, H, W), only on request
    # (2, H, W), only where the truth was given: the probability of the true class, and the sum of the squares of all
    # classes' probabilities; what NLL and Brier score are made from.
    proper: NDArray[np.float32] | None = field(default=None)
