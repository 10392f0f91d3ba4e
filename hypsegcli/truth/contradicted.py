"""What predictions say is wrong with the masks, where nothing else can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.truth.flipped import Flips
from hypsegcli.truth.hollow import Hollow
from hypsegcli.truth.masks import NAMED, IdMap
from hypsegcli.truth.mirrored import mirror_mistake
from hypsegcli.truth.odd_images import OddImages
from hypsegcli.truth.permuted import chance_mistake, find_better_exchange, find_exchange, permutation_mistake
from hypsegcli.truth.shift import find_shift, shift_mistake
from hypsegcli.truth.turned import Turns

_FEWEST = 5  # images
_MOST_CLASSES = 1000
_EVERY = 4  # row and column of an image, which do to tell how it lies


class Witness:
    """What predictions say of the masks, image by image."""

    def __init__(self, classes: int, *, learned: bool = True) -> None:
        """`classes` is their number, and the id of void. Of a network that has not `learned` yet little is looked at.

        That it is wrong says nothing; nor is each image looked at where its confusions would fill memory.
        """
        self._classes = classes
        self.learned, self._looks_closely = learned, learned and classes <= _MOST_CLASSES
        sizes = (1, Turns.size(classes), Flips.size(classes), OddImages.SIZE, Hollow.SIZE)
        self.counts = np.zeros(sum(sizes), np.int64)  # all there is; those of other images add up
        self._images, turns, flips, odd, hollow = np.split(self.counts, np.cumsum(sizes)[:-1])
        self.turns, self.flips = Turns(classes, turns), Flips(classes, flips)
        self.odd, self.hollow = OddImages(classes, odd), Hollow(classes, hollow)

    def add(self, orientation: int | None, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        """Count an image, (H, W) each, that was turned by `orientation` without its mask, numbered by EXIF.

        None: its labels are not those classes, so that it says nothing.
        """
        if orientation is None:
            return
        self._images += self.learned and bool((truth != self._classes).any())
        self.turns.add(orientation, truth, labels)
        if self._looks_closely:
            coarse = truth[::_EVERY, ::_EVERY], labels[::_EVERY, ::_EVERY]
            self.flips.add(*coarse)
            self.odd.add(*coarse)
            self.hollow.add(truth, labels)  # all of it, for small things lie between

    @property
    def is_telling(self) -> bool:
        """Whether there are enough images: a few may all be odd."""
        return int(self._images[0]) >= _FEWEST


def contradictions(
    confusion: NDArray[np.integer[Any]],
    witness: Witness,
    id_map: IdMap | None,
    *,
    stored: bool = False,
    label_map: IdMap | None = None,
) -> list[str]:
    """A sentence for each likely mistake, of ids first; none where predictions agree with the masks, or with nothing.

    `confusion` is (K, K) or (K, K + 1) pixels, truth by prediction, all in all, `witness` has seen the same images,
    `id_map` is what their masks were read by; `stored` says that label maps are scored, read by `label_map`.
    """
    said: list[str] = []
    is_numbered = id_map != NAMED  # names leave nothing to be shifted
    decides = None if id_map is None else "mask_colors" if id_map.colors else "map"
    theirs = None if label_map is None else "prediction_colors" if label_map.colors else "prediction_map"
    shift = find_shift(confusion, alone=witness.learned) if is_numbered else None
    if shift is not None and (exchange := find_better_exchange(confusion, shift)):
        said.append(permutation_mistake(exchange, decides=decides, stored=stored, decides_labels=theirs))
    elif shift is not None:
        K = len(confusion)
        said.append(shift_mistake(shift, classes=K, decides=decides, stored=stored, decides_labels=theirs))
    if id_map and id_map.colors and (mistake := mirror_mistake(confusion, id_map.colors)):
        said.append(mistake)
    if (mistake := witness.turns.mistake()) is not None:
        said.append(mistake)
    if said or not witness.is_telling:
        return said
    said += filter(None, [witness.flips.mistake(stored=stored)])
    if not said and is_numbered and (exchange := find_exchange(confusion)):
        said.append(permutation_mistake(exchange, decides=decides, stored=stored, decides_labels=theirs))
    return said


def oddities(confusion: NDArray[np.integer[Any]], witness: Witness, id_map: IdMap | None) -> list[str]:
    """Sentences on what may be right and is seldom meant, where there are no contradictions; as for these."""
    if not witness.is_telling:
        return []
    numbered = witness.odd.numbered_otherwise() if id_map != NAMED else []
    others = (witness.flips.some(), witness.hollow.mistake(), chance_mistake(confusion))
    return [*numbered, *filter(None, others)]
