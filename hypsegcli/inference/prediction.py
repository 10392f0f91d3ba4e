"""Prediction: what comes back for an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.planes import Plane

RGB = NDArray[np.uint8]
Labels = NDArray[np.uint8 | np.uint16]


def label_type(nodes: int) -> type[np.uint8 | np.uint16]:
    """What holds the ids of a tree's nodes, and one more for undecided."""
    return np.uint8 if nodes < 256 else np.uint16


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Where the pixels of one image lie, on the network's grid.

    Of a hyperbolic head the vectors are tangent vectors v at the origin of the ball, as long as the head's limit left
    them: the distance to the origin is 2 |v|, the point of the ball `tanh(sqrt(c) |v|) v / (sqrt(c) |v|)`. Of a
    Euclidean head they are what its classifier takes. A tangent vector keeps in float16 what a point near the rim
    would lose: three digits of the distance, wherever it lies.
    """

    vectors: NDArray[np.float16]  # (D, h, w)
    cell: tuple[float, float]  # height and width of one of the h x w cells, in pixels of the image, from its corner


@dataclass(frozen=True, eq=False)
class Prediction:
    """Planes of one image, all of its height and width."""

    labels: Labels  # (H, W) node ids; classes are 0..K-1, M means undecided
    confidence: Mapping[str, Plane]  # by the name of their measure, in the order of the request
    probabilities: NDArray[np.float16] | None = field(default=None)  # (K, H, W), only on request
    # (2, H, W), only where the truth was given: the probability of the true class, and the sum of the squares of all
    # classes' probabilities; what NLL and Brier score are made from.
    proper: NDArray[np.float32] | None = field(default=None)
    main_measure: str | None = None  # the request's
    embeddings: Embeddings | None = None  # only on request
    prototypes: Labels | None = None  # (H, W) the number of the one that answered, only on request
    answers: Labels | None = field(default=None)  # (A, H, W) node ids by each of the request's rules, M for undecided
    # (H, W) of an image that says where it has no data, False there: see inference.nodata; None: it has some everywhere
    valid: NDArray[np.bool_] | None = None
    # Of the answers by the first rule: the measures that are other values there, by name.
    answer_confidence: Mapping[str, Plane] = field(default_factory=dict)

    @property
    def main(self) -> Plane:
        """The plane that maps of one measure show: the main measure's, or the only one there is.

        ValueError where there are several, or none, and the request named no main measure.
        """
        if self.main_measure is not None:
            return self.confidence[self.main_measure]
        if len(self.confidence) != 1:
            raise ValueError(f"which of the measures {', '.join(self.confidence) or '(none)'} is the main one?")
        return next(iter(self.confidence.values()))
