"""Masks that lie otherwise than their photographs, though none says that it was turned: told by predictions alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import count_of
from hypsegcli.truth.turned import beyond_chance

_WAYS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "as they are": lambda mask: mask,
    "mirrored left to right": np.fliplr,
    "turned upside down": np.flipud,
    "turned by 180 degrees": lambda mask: np.rot90(mask, 2),
}
_LEAST = 0.3  # agreement beyond chance, below which predictions tell nothing
_CLEARLY = 0.02  # share of the labelled pixels that have to agree more
_SHARE, _FEWEST = 0.1, 3  # of the images, from which on some that lie otherwise are told of


class _Ways(NamedTuple):
    """What was counted of an image, or of many, by way."""

    right: NDArray[np.int64]  # (ways,) pixels that agree
    truth: NDArray[np.int64]  # (K,) of each class in the masks
    labels: NDArray[np.int64]  # (ways, K + 1) of each class in the predictions of labelled pixels

    def best(self) -> tuple[int, NDArray[np.float64]]:
        """The way that predictions agree with, 0 where not another one clearly more, and the share of each.

        Beyond chance, twice as much has to agree, or half as much not to: masks that are mostly one class agree as
        they are, too.
        """
        pixels = int(self.truth.sum())
        if not pixels:
            return 0, np.zeros(len(_WAYS))
        share = self.right / pixels
        kappa = beyond_chance(share, self.labels[:, : len(self.truth)] @ self.truth / pixels**2)
        best = int(kappa.argmax())
        is_better = kappa[best] > 2 * kappa[0] or 1 - kappa[best] < (1 - kappa[0]) / 2
        is_told = kappa[best] >= _LEAST and is_better and share[best] >= share[0] + _CLEARLY
        return best if is_told else 0, share


class Flips:
    """What predictions say of masks that keep the photograph's size and not its sides."""

    def __init__(self, classes: int, counts: NDArray[np.int64]) -> None:
        """`classes` is their number, and the id of void; `counts` are all there is, those of other images add up."""
        self._classes = classes
        right, self._images, truth, labels = np.split(counts, np.cumsum((len(_WAYS), len(_WAYS), classes)))
        self._all = _Ways(right, truth, labels.reshape(len(_WAYS), classes + 1))

    @staticmethod
    def size(classes: int) -> int:
        """How many counts there are."""
        return 2 * len(_WAYS) + classes + len(_WAYS) * (classes + 1)

    def add(self, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        """Count an image, (H, W) each."""
        K = self._classes
        masks = [flip(truth) for flip in _WAYS.values()]
        seen = _Ways(
            np.array([np.count_nonzero((mask == labels) & (mask != K)) for mask in masks]),
            np.bincount(truth.ravel(), minlength=K + 1)[:K],
            np.array([np.bincount(labels[mask != K], minlength=K + 1) for mask in masks]),
        )
        for every, counted in zip(self._all, seen, strict=True):
            np.add(every, counted, out=every)
        self._images[seen.best()[0]] += 1

    def mistake(self, *, stored: bool = False) -> str | None:
        """What to say where predictions agree with the masks the other way round, and not with them as they are.

        `stored` says that label maps are scored.
        """
        best, share = self._all.best()
        if not best:
            return None
        return (
            f"about {100 * share[0]:.0f} % of the labelled pixels agree with the predictions, and "
            f"{100 * share[best]:.0f} % would if the masks were {list(_WAYS)[best]}: masks or "
            f"{'label maps' if stored else 'photographs'} were written so; turn one of them back"
        )

    def some(self) -> str | None:
        """What to say of some masks that lie otherwise; who asks knows that not all of them do."""
        images, (_, *found) = int(self._images.sum()), self._images.tolist()
        if sum(found) < max(_FEWEST, _SHARE * images):
            return None
        ways = ", ".join(f"{way} ({many})" for way, many in zip(list(_WAYS)[1:], found, strict=True) if many)
        return (
            f"{sum(found)} of {count_of(images, 'mask')} would agree with the predictions if they were {ways}, and not "
            "the others: look whether these lie as their photographs do"
        )
