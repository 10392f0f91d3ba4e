"""Class probabilities of one image that follow the edges of its photograph, and the classes that they decide for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.smoother import Planes, Smoother
from hypsegcli.inference.upsample import Placement, bands

# At one pixel of the map for one of the network. The smoother's reach is in pixels of the map and grows with the root
# of the strength, so that for the same reach in pixels of the network the strength grows with the square.
_STRENGTH = 100.0

# Of the standard deviation of the photograph's values: what an edge is in one of the night, or of fluorescent cells, is
# noise in one of the day. Less than a grey level is noise in all.
_SIGMA = 1.0 / 16.0
_LEAST_SIGMA = 1.0

_ROUNDING = 1e-4  # by which a smoothed plane may leave the range that it had


def smoother_of(photograph: RGB, scale: float) -> Smoother:
    """What refines planes of a photograph (H, W, 3) `scale` of whose pixels, along a side, were one that went in."""
    sigma = max(_SIGMA * float(photograph.std()), _LEAST_SIGMA)
    return Smoother(photograph, strength=_STRENGTH * scale**2, sigma=sigma)


class RefinedProbabilities:
    """Those of one image at all of its pixels, some classes at a time: memory does not depend on their number."""

    def __init__(
        self, scores: Tensor, photograph: RGB, *, are_logs: bool, cell: Placement, scale: float, budget: int
    ) -> None:
        """`scores` (1, K, h, w) are blended between the points of the grid: log-probabilities, or probabilities.

        The photograph (H, W, 3) has the map's size; `scale` is how many of its pixels, along a side, were one of those
        that the network saw. A chunk of classes takes `budget` bytes, or one plane.
        """
        self._scores, self._are_logs, self._cell, self._budget = scores, are_logs, cell, budget
        self._height, self._width = photograph.shape[:2]
        self._total = self._sum_up()
        self._smoother = smoother_of(photograph, scale)

    def every(self) -> Tensor:
        """(1, K, H, W) float32, on the CPU."""
        planes = np.empty((self._scores.shape[1], self._height, self._width), np.float32)
        for classes, chunk in self._chunks(range(len(planes))):
            planes[classes] = self._smoother(chunk)
        return torch.from_numpy(planes)[None]

    def best(self, among: Sequence[int] | None) -> NDArray[np.int32]:
        """(H, W): the most probable class, of all or of some."""
        K = self._scores.shape[1]
        largest = np.full((self._height, self._width), -np.inf, np.float32)
        best = np.zeros(largest.shape, np.int32)
        for classes, chunk in self._chunks(range(K) if among is None else among):
            # No plane leaves its range, and the largest of K probabilities is at least 1/K: most of many classes are
            # nowhere near.
            contending = np.asarray(classes, np.int32)
            if among is None:
                contends = chunk.max((1, 2)) > 1.0 / K - _ROUNDING
                contending, chunk = contending[contends], chunk[contends]  # noqa: PLW2901
            for index, plane in zip(contending, self._smoother(chunk), strict=True):
                is_better = plane > largest
                np.copyto(largest, plane, where=is_better)
                np.copyto(best, index, where=is_better)
        return best

    def _chunks(self, classes: Sequence[int]) -> Iterator[tuple[Sequence[int], Planes]]:
        """Some classes after the other, and their probabilities before they are smoothed, (n, H, W)."""
        at_once = max(1, self._budget // (4 * self._height * self._width))
        for first in range(0, len(classes), at_once):
            chosen = classes[first : first + at_once]
            of_chosen = self._scores[:, torch.tensor(chosen, device=self._scores.device)]
            blend = self._rows(of_chosen, 0, self._height)
            planes = (blend - self._total).exp() if self._are_logs else blend / self._total
            yield chosen, planes[0].cpu().numpy()

    def _sum_up(self) -> Tensor:
        """(1, 1, H, W): what the blends of all classes sum to, or its logarithm."""
        total = self._scores.new_empty((1, 1, self._height, self._width))
        for start, stop in bands(self._height, self._width, channels=self._scores.shape[1], budget=self._budget):
            rows = self._rows(self._scores, start, stop)
            total[:, :, start:stop] = rows.logsumexp(1, keepdim=True) if self._are_logs else rows.sum(1, keepdim=True)
        return total

    def _rows(self, scores: Tensor, start: int, stop: int) -> Tensor:
        return self._cell.rows(scores, start, stop, self._width)
