"""Some masks of many that were made otherwise than the others: told by what predictions say of each image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import count_of
from hypsegcli.truth.shift import find_shift

_SHARE, _FEWEST = 0.05, 2  # of the images, from which on their ids are told of
_HOLLOW, _OTHERS = 0.5, 0.7  # of its pixels that agree, below which a mask of one class is odd; and those of the others


class OddImages:
    """Masks whose ids are off by one where others' are not, and masks of one class alone where there are others."""

    SIZE = 6  # counts

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
        is_hollow = there == 1 and right < _HOLLOW * pixels
        self._counts += (
            1,
            shift is not None and shift.by == 1,
            shift is not None and shift.by == -1,
            is_hollow,
            0 if is_hollow else right,
            0 if is_hollow else pixels,
        )

    @property
    def images(self) -> int:
        """How many have been counted."""
        return int(self._counts[0])

    def shifted(self) -> list[str]:
        """Sentences on ids that are off by one in some masks; who asks knows that not all of them are."""
        _, lower, higher, *_ = self._counts.tolist()
        return [
            f"{found} of {count_of(self.images, 'mask')} would agree with the predictions if their ids were one "
            f"{word}, and not the others: they were not all made in one way; bring them to the same ids"
            for found, word in ((lower, "lower"), (higher, "higher"))
            if found >= max(_FEWEST, _SHARE * self.images)
        ]

    def hollow(self) -> str | None:
        """What to say of masks of one class alone, where the predictions see others."""
        *_, hollow, right, pixels = self._counts.tolist()
        if not hollow or right < _OTHERS * pixels:
            return None
        hold = "holds" if hollow == 1 else "hold"
        return (
            f"{hollow} of {count_of(self.images, 'mask')} {hold} one class alone, of which the predictions find less "
            "than half, though they agree with the others: as where nobody has begun to label; look at those masks"
        )
