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
_HOLLOW, _OTHERS = 0.5, 0.7  # of its pixels that agree, below which a mask of class 0 alone is odd; of the others


class OddImages:
    """Masks whose ids are others than the others', and masks of class 0 alone where there are others."""

    SIZE = 8  # counts

    def __init__(self, classes: int, counts: NDArray[np.int64]) -> None:
        """`classes` is their number, and the id of void; `counts` are all there is, those of other images add up."""
        self._classes, self._counts = classes, counts

    def add(self, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        """Count an image, (H, W) each."""
        K = self._classes
        labelled = truth != K
        pairs = truth[labelled].astype(np.int64) * (K + 1) + labels[labelled]
        confusion = np.bincount(pairs, minlength=K * (K + 1)).reshape(K, K + 1)
        pixels, right = int(confusion.sum()), int(np.trace(confusion[:, :K]))
        if not pixels:
            return
        there = np.count_nonzero(confusion.sum(axis=1))
        shift = find_shift(confusion) if there > 1 else None  # a single class is mistaken easily
        exchange = find_exchange(confusion) if shift is None else find_better_exchange(confusion, shift)
        if exchange is not None:
            shift = None
        is_hollow = not confusion[1:].any() and right < _HOLLOW * pixels  # tiles may be of any class alone
        self._counts += (
            1,
            shift is not None and shift.by == 1,
            shift is not None and shift.by == -1,
            shift is not None and shift.by == 0,
            exchange is not None,
            is_hollow,
            0 if is_hollow else right,
            0 if is_hollow else pixels,
        )

    @property
    def images(self) -> int:
        """How many have been counted."""
        return int(self._counts[0])

    def numbered_otherwise(self) -> list[str]:
        """Sentences on ids that are others in some masks; who asks knows that not in all of them."""
        _, lower, higher, two, others, *_ = self._counts.tolist()
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

    def hollow(self) -> str | None:
        """What to say of masks of class 0 alone, as tools begin them, where the predictions see others."""
        *_, hollow, right, pixels = self._counts.tolist()
        if not hollow or right < _OTHERS * pixels:
            return None
        hold = "holds" if hollow == 1 else "hold"
        return (
            f"{hollow} of {count_of(self.images, 'mask')} {hold} class 0 alone, of which the predictions find less "
            "than half, though they agree with the others: as where nobody has begun to label; look at those masks"
        )
