"""Of which class every plane of stored probabilities is, and whether the label maps beside them say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.truth.masks import IdMap, translate_ids


def classes_of_planes(
    planes: int, *, classes: int, ignore_index: int, id_map: IdMap | None
) -> tuple[NDArray[np.integer[Any]], NDArray[np.bool_]] | None:
    """The class of each plane, `classes` for void, and whether it is neither; None where plane I is that of class I.

    `id_map` is that of the label maps. Planes are numbered as the ids in their files are, unless colours tell those, or
    a line of the map leads to a class from an id that has no plane, as where ids begin at 1.
    """
    if id_map is None or id_map.colors is not None or not id_map.changes:
        return None
    sources = [source for source, target in id_map.changes if target is not None and target != ignore_index]
    if any(not 0 <= source < planes for source in sources):
        return None
    targets, unknown = translate_ids(np.arange(planes), classes, ignore_index, id_map)
    if planes <= classes and np.array_equal(targets, np.arange(planes)):  # above, void is numbered as a class would be
        return None
    return targets, unknown


class Agreement:
    """How often label maps hold the likeliest class of the probabilities beside them."""

    def __init__(self) -> None:
        self.counts = np.zeros(2, np.int64)  # of pixels, and of those with another label; those of other images add up

    def add(self, pixels: int, others: int) -> None:
        """Count an image's, see count_others."""
        self.counts += pixels, others

    def mistake(self, *, mapped: bool) -> str | None:
        """What to say where most pixels have another label; `mapped` where a map translates the ids."""
        pixels, different = self.counts.tolist()
        if 2 * different <= pixels:
            return None
        ids = "the ids in the files" if mapped else "their ids"
        return (
            f"on {different / pixels:.1%} of the pixels the label maps hold another class than the likeliest "
            "of the probabilities beside them, as where both are of different runs, or number classes differently: "
            f"NLL, Brier score and answers for {setting('unseen')} are of the probabilities alone; number their planes "
            f"as the label maps number classes, by {ids}, or predict both again"
        )


def count_others(probabilities: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> tuple[int, int]:
    """Of pixels (H, W) whose label is a class, how many there are, and of how many another of (K, H, W) is likelier."""
    known = labels < len(probabilities)
    own = np.take_along_axis(probabilities, np.where(known, labels, 0).astype(np.int64)[None], axis=0)[0]
    return int(known.sum()), int((known & (own < probabilities.max(axis=0))).sum())
