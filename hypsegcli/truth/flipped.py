"""Masks that lie otherwise than their photographs, though none says that it was turned: told by predictions alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.truth.turned import beyond_chance

_WAYS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "as they are": lambda mask: mask,
    "mirrored left to right": np.fliplr,
    "turned upside down": np.flipud,
    "turned by 180 degrees": lambda mask: np.rot90(mask, 2),
}
_LEAST = 0.3  # agreement beyond chance, below which predictions tell nothing


class Flips:
    """What predictions say of masks that keep the photograph's size and not its sides."""

    def __init__(self, classes: int, counts: NDArray[np.int64]) -> None:
        """`classes` is their number, and the id of void; `counts` are all there is, those of other images add up."""
        self._classes = classes
        self._right, self._truth = counts[: len(_WAYS)], counts[len(_WAYS) :][:classes]
        self._labels = counts[len(_WAYS) + classes :].reshape(len(_WAYS), classes + 1)

    @staticmethod
    def size(classes: int) -> int:
        """How many counts there are."""
        return len(_WAYS) + classes + len(_WAYS) * (classes + 1)

    def add(self, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        """Count an image, (H, W) each."""
        for way, flip in enumerate(_WAYS.values()):
            mask = flip(truth)
            labelled = mask != self._classes
            self._right[way] += int((mask == labels)[labelled].sum())
            self._labels[way] += np.bincount(labels[labelled], minlength=self._classes + 1)
        self._truth += np.bincount(truth.ravel(), minlength=self._classes + 1)[: self._classes]

    def mistake(self) -> str | None:
        """What to say where predictions agree with the masks the other way round, and not with them as they are."""
        pixels = int(self._truth.sum())
        if not pixels:
            return None
        share = self._right / pixels
        kappa = beyond_chance(share, self._labels[:, : self._classes] @ self._truth / pixels**2)
        best = int(kappa.argmax())
        if kappa[best] < _LEAST or kappa[best] <= 2 * kappa[0] or share[best] <= share[0]:
            return None
        return (
            f"about {100 * share[0]:.0f} % of the labelled pixels agree with the predictions, and "
            f"{100 * share[best]:.0f} % would if the masks were {list(_WAYS)[best]}: masks or photographs were written "
            "so; turn one of them back"
        )
