"""What is asked of the network, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
Labels = NDArray[np.uint8 | np.uint16]


def label_type(nodes: int) -> type[np.uint8 | np.uint16]:
    """What holds the ids of a tree's nodes, and one more for undecided."""
    return np.uint8 if nodes < 256 else np.uint16


@dataclass(frozen=True)
class Answer:
    """What is asked of the network for every pixel."""

    measures: tuple[str, ...] = ("distance",)
    level: int | Literal["auto"] | None = None  # depth in the class tree; None: classes
    threshold: float = 0.5  # of level auto
    probabilities: bool = False
    among: tuple[int, ...] | None = None  # the classes that may be answered; None: all
    longest_side: int | None = None  # pixels; longer images are shrunk to it on their way into the network
    # How the ball reaches the image's pixels: `scalar` interpolates the distance; `points` interpolates the
    # points of the ball and measures the blend, as the reference does: its map also dips where neighbouring
    # pixels are both certain and merely point apart.
    interpolate: Literal["scalar", "points"] = "scalar"


@dataclass(frozen=True, eq=False)
class Prediction:
    """Planes of one image, all of its height and width."""

    labels: Labels  # (H, W) node ids; classes are 0..K-1, M means undecided
    confidence: Mapping[str, NDArray[np.float32]]  # measure to (H, W), in the measure's unit
    probabilities: NDArray[np.float16] | None = field(default=None)  # (K, H, W), only on request
    # (2, H, W), only where the truth was given: the probability of the true class, and the sum of the squares of all
    # classes' probabilities; what NLL and Brier score are made from.
    proper: NDArray[np.float32] | None = field(default=None)
