"""Some masks of many that were made otherwise than the others: told by what predictions say of each image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import count_of
from hypsegcli.truth.permuted import find_better_exchange, find_exchange
from hypsegcli.truth.shift import find_shift

_SHARE, _FEWEST = 0.05, 2  # of the images, from which on their ids are told of
_MANY = 2  # times as many, of ids that are exchanged in any way, which few pixels of an image may look like


class OddImages:
    """Masks whose ids are others than the others'."""

    SIZE = 5  # counts

    def __init__(self, classes: int, counts: NDArray[np.int64]) -> None:
        """`classes` is their number, and the id of void; `counts` are all there is, those of other images add up."""
        self._classes, self._counts = classes, counts

    def add(self, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        """Count an image, (H, W) each."""
        K = self._classes
        labelled = truth != K
        pairs = truth[labelled].astype(np.int64) * (K + 1) + labels[labelled]
        confusion = np.bincount(pairs, minlength=K * (K + 1)).reshape(K, K + 1)
        if not labelled.any():
            return
        there = np.count_nonzero(confusion.sum(axis=1))
        shift = find_shift(confusion) if there > 1 else None  # a single class is mistaken easily
        exchange = find_exchange(confusion) if shift is None else find_better_exchange(confusion, shift)
        if exchange is not None:
            shift = None
        self._counts += (
            1,
            shift is not None and shift.by == 1,
            shift is not None and shift.by == -1,
            shift is not None and shift.by == 0,
            exchange is not None,
        )

    @property
    def images(self) -> int:
        """How many have been counted."""
        return int(self._counts[0])

    def numbered_otherwise(self) -> list[str]:
        """Sentences on ids that are others in some masks; who asks knows that not in all of them."""
        _, lower, higher, two, others = self._counts.tolist()
        least = max(_FEWEST, _SHARE * self.images)
        kinds = (
            (lower, least, "their ids were one lower"),
            (higher, least, "their ids were one higher"),
            (two, least, "the two classes were exchanged"),
            (others, _MANY * least, "their ids were exchanged among each other"),
        )
        return [
            f"{found} of {count_of(self.images, 'mask')} would agree with the predictions if {change}, and not the "
            "others: they were not all made in one way; bring them to the same ids"
            for found, enough, change in kinds
            if found >= enough
        ]
