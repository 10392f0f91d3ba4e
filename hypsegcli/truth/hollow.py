"""Masks of class 0 alone, as tools begin them, where predictions find as much else as in the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import count_of

_BINS, _STEPS = 64, 4  # of the share of other classes that are predicted, from 1 down, and how many of them halve it
_SHARE = 0.05  # of the images, from which on they are told of
_ALIKE = 0.75  # times the share of others in the other masks, from which on as much is found
_RIGHT = 0.7  # of what is predicted not to be class 0 there, below which predictions tell nothing


class Hollow:
    """What predictions find in masks of class 0 alone, and in the others.

    Images without anything else look the same to whoever sees the masks; to a network they do not.
    """

    SIZE = 4 + _BINS  # counts

    def __init__(self, classes: int, counts: NDArray[np.int64]) -> None:
        """`classes` is their number, and the id of void; `counts` are all there is, those of other images add up."""
        self._classes = classes
        self._images, self._others, self._hollow = np.split(counts, [1, 4])

    def add(self, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        """Count an image, (H, W) each."""
        labelled = truth != self._classes
        there = truth[labelled] > 0
        found = (labels[labelled] > 0) & (labels[labelled] < self._classes)
        self._images += bool(there.size)
        if there.any():
            self._others += (there.size, found.sum(), (there & found).sum())
        elif found.any():
            bin_ = int(-_STEPS * np.log2(found.mean()))
            self._hollow[min(bin_, _BINS - 1)] += 1

    def mistake(self) -> str | None:
        """What to say of them."""
        pixels, found, right = self._others.tolist()
        if not found or right < _RIGHT * found:
            return None
        least = 2.0 ** (-(np.arange(_BINS) + 1) / _STEPS)  # of each bin, but for the last, which reaches down to 0
        hollow = int(self._hollow[:-1][least[:-1] >= _ALIKE * found / pixels].sum())
        images = int(self._images[0])
        if not hollow or hollow < _SHARE * images:
            return None
        hold = "holds" if hollow == 1 else "hold"
        return (
            f"{hollow} of {count_of(images, 'mask')} {hold} class 0 alone, though the predictions find as much else "
            "there as with the others: as where nobody has begun to label; look at those masks"
        )
