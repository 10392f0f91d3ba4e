"""Class probabilities that lie in folders, in the order of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import DataError, setting
from hypsegcli.images.npy import read_npy
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.plane_order import classes_of_planes
from hypsegcli.truth.stored import stored_file

# What rounding adds to or takes from 1: blends of four windows, rounded to float16 at every step, are within 0.003.
_ROUNDING = 0.01
_LEAVE_OUT = "move the folder away to score without NLL and Brier score"


def read_probabilities(
    folder: Path,
    key: str,
    shape: tuple[int, ...],
    *,
    classes: int,
    id_map: IdMap | None = None,
    ignore_index: int = -1,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """(K, H, W) class probabilities, numbered and added up as `id_map` has the ids of label maps.

    Where the label map is not `valid`, for there are no data, the first class has all.
    DataError where they do not fit, or where the map leads to void what has some of a pixel's probability.
    """
    path = stored_file(folder, key)
    values = read_npy(path)
    planes = len(values) if values.ndim == 3 else 0
    order = classes_of_planes(planes, classes=classes, ignore_index=ignore_index, id_map=id_map)
    many = classes if order is None else planes
    if values.shape != (many, *shape) or not np.issubdtype(values.dtype, np.floating):
        raise DataError(
            f"{path}: holds {values.dtype} of shape {values.shape}; class probabilities have {(many, *shape)}, a plane "
            f"for each class, or, where there is {setting('prediction_map')}, for each id of the label maps from 0 on; "
            f"{_LEAVE_OUT}"
        )
    if valid is not None:
        values = np.where(valid, values, (np.arange(many) == 0)[:, None, None].astype(values.dtype))
    if not (values.min() >= 0 and values.max() <= 1 + _ROUNDING):  # NaN fails both
        raise DataError(
            f"{path}: holds values from {values.min():.4g} to {values.max():.4g}; class probabilities are in [0, 1], "
            "after the softmax"
        )
    probabilities = values.astype(np.float32)
    sums = probabilities.sum(axis=0)
    if np.abs(sums - 1).max() > _ROUNDING:
        raise DataError(
            f"{path}: the probabilities of a pixel sum to {sums.min():.4g} to {sums.max():.4g}; all classes together "
            "have 1, after the softmax; a sigmoid gives other sums"
        )
    return probabilities if order is None else _reorder(probabilities, *order, classes=classes, path=path)


def _reorder(
    planes: NDArray[np.float32],
    targets: NDArray[np.integer[Any]],
    unknown: NDArray[np.bool_],
    *,
    classes: int,
    path: Path,
) -> NDArray[np.float32]:
    """(K, H, W) the sums of planes whose targets are one class; without those of void, which must be as good as 0."""
    if unknown.any():
        raise DataError(
            f"{path}: plane {int(unknown.argmax())}, counted from 0, is of an id that {setting('prediction_map')} does "
            f"not lead to a class; list it there, or {_LEAVE_OUT}"
        )
    ordered = np.zeros((classes + 1, *planes.shape[1:]), np.float32)
    for target, plane in zip(targets.tolist(), planes, strict=True):
        ordered[target] += plane
    if (lost := float(ordered[classes].max())) > _ROUNDING:
        raise DataError(
            f"{path}: {setting('prediction_map')} leads to void what has up to {lost:.4g} of a pixel's probability, so "
            "that the classes alone have no 1 together, and NLL and Brier score would be of something else; divide by "
            f"what they have and leave those planes 0, or {_LEAVE_OUT}"
        )
    return ordered[:classes]


def proper_planes(probabilities: NDArray[np.float32], truth: NDArray[Any]) -> NDArray[np.float32]:
    """(2, H, W) probability of the true class, and sum of the squares of all; where truth is void, any number."""
    true = np.minimum(truth, len(probabilities) - 1).astype(np.int64)
    chosen = np.take_along_axis(probabilities, true[None], axis=0)[0]
    return np.stack([chosen, np.square(probabilities).sum(axis=0)])


def decide_among(probabilities: NDArray[np.float32], among: Sequence[int], dtype: type[np.integer]) -> NDArray[Any]:
    """(H, W) the most probable of some classes."""
    chosen = np.asarray(among)
    decided: NDArray[Any] = chosen[probabilities[chosen].argmax(axis=0)].astype(dtype)
    return decided
