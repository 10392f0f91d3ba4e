"""An image window by window: its feature mean, then its planes, strip by strip from top to bottom.

A strip is as wide as the image and leaves as soon as no later window adds to it, so that of an image that is read by
rows, and written by strips, never more than about two rows of windows is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.confidence.planes import Plane
from hypsegcli.inference.engines.base import Engine
from hypsegcli.inference.prediction import RGB, Labels, Prediction
from hypsegcli.inference.windows import ALIGNMENT, Window
from hypsegcli.network.model import GRID


class Rows(Protocol):
    """An image that is read by rows: an array (H, W, 3) uint8 RGB, or a file that is not wanted in memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3)."""

    def __getitem__(self, rows: slice, /) -> RGB:
        """Rows [start, stop), as wide as the image."""


class Strip(NamedTuple):
    """The prediction for rows [start, stop) of an image."""

    start: int
    stop: int
    prediction: Prediction


def pad_to_cells(batch: RGB, alignment: int = ALIGNMENT) -> RGB:
    """Whole cells of the coarsest grid, so that a grid point means the same pixel in every image and tile."""
    bottom, right = -batch.shape[1] % alignment, -batch.shape[2] % alignment
    return np.pad(batch, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge") if bottom or right else batch


def feature_mean(engine: Engine, image: Rows, down: Sequence[Window], across: Sequence[Window]) -> Tensor:
    """(C,) float32: what ASPP would take the mean of, were the image to go in whole, padding included.

    Every cell is counted once, from the window in which it lies deepest.
    """
    stride = engine.config.output_stride
    total, cells = torch.zeros(1, dtype=torch.float64), 0
    for y in down:
        band = image[y.start : y.stop]
        for x in across:
            features = engine.features(pad_to_cells(band[None, :, x.start : x.stop]))[0]
            own = features[:, y.owned_cells(stride), x.owned_cells(stride)].cpu()
            # One sum: a list of them would lie between the windows' features, and the heap would only grow.
            total = total + own.sum((1, 2), dtype=torch.float64)
            cells += own[0].numel()
    return (total / cells).float()


def strips(
    image: Rows,
    truth: Labels | None,
    down: Sequence[Window],
    across: Sequence[Window],
    predict: Callable[[RGB, Labels | None], Prediction],
) -> Iterator[Strip]:
    """Predict every window, with its part of the truth (H, W), and join the predictions."""
    rest: Prediction | None = None  # rows that more than one row of windows adds to
    finished = [*(window.start for window in down[1:]), down[-1].stop]
    for y, stop in zip(down, finished, strict=True):
        band = image[y.start : y.stop]
        rows: Prediction | None = None
        for x in across:
            seen = None if truth is None else truth[y.start : y.stop, x.start : x.stop]
            part = predict(band[:, x.start : x.stop], seen)
            if rows is None:
                rows = _blank(part, y.stop - y.start, across[-1].stop)
                if rest is not None:
                    _put(rest, rows, start=0)
            _add(part, rows, y, x)
        if rows is not None:
            yield Strip(y.start, stop, _rows(rows, 0, stop - y.start))
            rest = _rows(rows, stop - y.start, y.stop - y.start)


def join(parts: Iterable[Strip], height: int) -> Prediction:
    """The planes of an image that is `height` pixels high."""
    whole: Prediction | None = None
    for part in parts:
        if whole is None:
            whole = _blank(part.prediction, height, part.prediction.labels.shape[1])
        _put(part.prediction, whole, start=part.start)
    if whole is None:
        raise ValueError("an image has at least one strip")
    return whole


def _add(part: Prediction, rows: Prediction, y: Window, x: Window) -> None:
    at = np.s_[..., x.start : x.stop]
    weight = y.weight[:, None] * x.weight[None, :]
    owned = y.owned[:, None] & x.owned[None, :]
    rows.labels[at][owned] = part.labels[owned]
    for into, values in _planes(part, rows):
        into[at] += weight * values
    if rows.probabilities is not None and part.probabilities is not None:
        rows.probabilities[at] += (weight * part.probabilities).astype(np.float16)
    if rows.proper is not None and part.proper is not None:
        rows.proper[at][:, owned] = part.proper[:, owned]
    if rows.embeddings is not None and part.embeddings is not None:
        own, vectors = np.s_[:, y.owned_cells(GRID), x.owned_cells(GRID)], part.embeddings.vectors
        first = x.start // GRID  # windows start where the grid does
        rows.embeddings.vectors[:, :, first : first + vectors.shape[2]][own] = vectors[own]
    if rows.answers is not None and part.answers is not None:
        rows.answers[at][:, owned] = part.answers[:, owned]
    if rows.prototypes is not None and part.prototypes is not None:
        rows.prototypes[at][owned] = part.prototypes[owned]


def _blank(like: Prediction, height: int, width: int) -> Prediction:
    def blank(array: NDArray[Any], pixels: int) -> NDArray[Any]:
        return np.zeros((*array.shape[:-2], -(-height // pixels), -(-width // pixels)), array.dtype)

    return _each(like, blank)


def _rows(prediction: Prediction, start: int, stop: int) -> Prediction:
    return _each(prediction, lambda array, pixels: array[..., start // pixels : -(-stop // pixels), :])


def _put(part: Prediction, whole: Prediction, *, start: int) -> None:
    def put(target: NDArray[Any], source: NDArray[Any], at: int = start) -> None:
        target[..., at : at + source.shape[-2], :] = source

    put(whole.labels, part.labels)
    for into, values in _planes(part, whole):
        put(into, values)
    if whole.probabilities is not None and part.probabilities is not None:
        put(whole.probabilities, part.probabilities)
    if whole.proper is not None and part.proper is not None:
        put(whole.proper, part.proper)
    if whole.embeddings is not None and part.embeddings is not None:
        put(whole.embeddings.vectors, part.embeddings.vectors, at=start // GRID)
    if whole.answers is not None and part.answers is not None:
        put(whole.answers, part.answers)
    if whole.prototypes is not None and part.prototypes is not None:
        put(whole.prototypes, part.prototypes)


def _planes(part: Prediction, whole: Prediction) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The values of every plane of confidence, those of the whole and those of the part."""
    for into, planes in ((whole.confidence, part.confidence), (whole.answer_confidence, part.answer_confidence)):
        for name, plane in planes.items():
            yield into[name].values, plane.values


def _each(prediction: Prediction, change: Callable[[NDArray[Any], int], NDArray[Any]]) -> Prediction:
    """The prediction with every array (..., H, W) of it changed; `change` is told how many pixels high its rows are."""
    probabilities, proper, answers = prediction.probabilities, prediction.proper, prediction.answers
    embeddings, prototypes = prediction.embeddings, prediction.prototypes

    def planes(confidence: Mapping[str, Plane]) -> dict[str, Plane]:
        return {name: replace(plane, values=change(plane.values, 1)) for name, plane in confidence.items()}

    return replace(
        prediction,
        labels=change(prediction.labels, 1),
        confidence=planes(prediction.confidence),
        probabilities=None if probabilities is None else change(probabilities, 1),
        proper=None if proper is None else change(proper, 1),
        embeddings=None if embeddings is None else replace(embeddings, vectors=change(embeddings.vectors, GRID)),
        prototypes=None if prototypes is None else change(prototypes, 1),
        answers=None if answers is None else change(answers, 1),
        answer_confidence=planes(prediction.answer_confidence),
    )
