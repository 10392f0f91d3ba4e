"""Pixels of which there are no data: whatever the network says of them, they have no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.planes import Plane
from hypsegcli.inference.prediction import Labels, Prediction


def leave_void(prediction: Prediction, valid: NDArray[np.bool_] | None, *, nodes: int, prototypes: int) -> Prediction:
    """The prediction of an image (H, W) that has data where it is `valid`; None: everywhere, and it stays as it is.

    Elsewhere labels and prototypes are void, the largest number of their type, confidence is 0, and class probabilities
    are NaN. A type without a number to spare, of `nodes` of the tree and undecided or of so many `prototypes`, becomes
    the wider one, also where all pixels are valid: it is that of the file, and not of the rows that are looked at.
    """
    if valid is None:
        return prediction
    probabilities = prediction.probabilities
    if probabilities is not None:
        probabilities = np.where(valid, probabilities, np.float16(np.nan))
    return replace(
        prediction,
        labels=_void(prediction.labels, valid, ids=nodes + 1),
        confidence=_nothing(prediction.confidence, valid),
        probabilities=probabilities,
        prototypes=None if prediction.prototypes is None else _void(prediction.prototypes, valid, ids=prototypes),
        valid=valid,
    )


def void_of(labels: NDArray[Any]) -> int:
    """The id that stands for no data in labels of which some may have none."""
    return int(np.iinfo(labels.dtype).max)


def _void(labels: Labels, valid: NDArray[np.bool_], *, ids: int) -> Labels:
    kind: type[np.uint8 | np.uint16] = np.uint8 if labels.dtype == np.uint8 and ids < 256 else np.uint16
    wide: Labels = labels.astype(kind)
    wide[~valid] = np.iinfo(kind).max
    return wide


def _nothing(planes: Mapping[str, Plane], valid: NDArray[np.bool_]) -> dict[str, Plane]:
    return {name: replace(plane, values=np.where(valid, plane.values, np.float32(0))) for name, plane in planes.items()}
