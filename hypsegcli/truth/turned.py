"""Photographs that were turned upright while their masks were not: right where masks were drawn on upright pictures.

Drawn on the pixels as they are stored, by a tool that knows no EXIF, such a mask fits in size where the turn keeps
that, and nothing but predictions can tell. Counted with the bundled models on ten validation images each of CamVid,
nuclei and clothing, in all seven orientations: every such set of masks was told, and none that was upright; also with
labels made so bad that they agree with half of the pixels, none that was upright.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.files.words import count_of
from hypsegcli.images.decode import DecodedImage
from hypsegcli.images.open_image import open_upright
from hypsegcli.truth.matlab import SUFFIX as MATLAB
from hypsegcli.truth.pairs import Pair

NOTE = "turned upright without its mask, which is right if that was drawn upright"
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {  # by EXIF orientation, from stored rows and columns
    2: np.fliplr,
    3: lambda values: np.rot90(values, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda values: np.rot90(values, 3),
    7: lambda values: np.rot90(values, 2).T,
    8: np.rot90,
}
_LEAST = 0.2  # agreement beyond chance, below which predictions tell nothing


def turned_alone(pair: Pair, image: DecodedImage) -> int:
    """The orientation by which the image of a pair was turned while its mask was not, numbered by EXIF; 1 for none.

    Raises ImageError for a mask that cannot be read.
    """
    if image.orientation == 1 or isinstance(pair.mask, AnnotatedMask):  # which people saw upright as they labelled
        return image.orientation
    if pair.mask.suffix.lower() != MATLAB and open_upright(pair.mask).orientation != 1:
        return 1
    return image.orientation


class Turns:
    """What predictions say of masks that were not turned with their photographs."""

    def __init__(self, classes: int, counts: NDArray[np.int64]) -> None:
        """`classes` is their number, and the id of void; `counts` are all there is, those of other images add up."""
        self._classes, self.counts = classes, counts
        self._photographs, self._right = self.counts[:1], self.counts[1:3]  # pixels, of masks as they are and turned
        self._truth = self.counts[3 : 3 + classes]  # of pixels
        self._labels = self.counts[3 + classes :].reshape(2, classes + 1)

    @staticmethod
    def size(classes: int) -> int:
        """How many counts there are."""
        return 3 + classes + 2 * (classes + 1)

    def add(self, orientation: int, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        """Count an image, (H, W) each, that was turned by `orientation` alone; those of 1 do not count."""
        if orientation == 1:
            return
        turned = _UPRIGHT[orientation](truth)
        if turned.shape != labels.shape:
            return
        self._photographs += 1
        for way, mask in enumerate((truth, turned)):
            labelled = mask != self._classes
            self._right[way] += int((mask == labels)[labelled].sum())
            self._labels[way] += np.bincount(labels[labelled], minlength=self._classes + 1)
        self._truth += np.bincount(truth.ravel(), minlength=self._classes + 1)[: self._classes]

    def mistake(self) -> str | None:
        """What to say where predictions agree with the masks turned, and not with them as they are.

        Beyond what chance would give (Cohen's kappa), which masks that are mostly background agree with either way.
        """
        pixels = int(self._truth.sum())
        if not pixels:
            return None
        agree, would = (self._right / pixels).tolist()
        chance = (self._labels[:, : self._classes] @ self._truth) / pixels**2
        as_is, turned = beyond_chance(self._right / pixels, chance).tolist()
        if turned < _LEAST or (turned <= 2 * as_is and 1 - turned >= (1 - as_is) / 2):
            return None
        return (
            f"{count_of(int(self._photographs[0]), 'photograph')} turned upright by EXIF or XMP, and the masks not: "
            f"{100 * agree:.1f} % of their labelled pixels agree with the predictions, and {100 * would:.1f} % would "
            "if the masks were turned too, as where they were drawn on the pixels as stored; turn these masks as well, "
            "or take the orientation out of the photographs"
        )


def beyond_chance(agree: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Agreement of which that is taken off which chance would give: Cohen's kappa, 1 where all agree."""
    return (agree - chance) / np.maximum(1 - chance, 1e-9)
