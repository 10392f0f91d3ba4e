"""Ids of another list of classes, and masks of something else altogether: told by what predictions would agree with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.files.words import first_of
from hypsegcli.truth.diagnose import MASKS, SHOWN
from hypsegcli.truth.turned import beyond_chance

_RARE = 0.005  # share of the labelled pixels from which a class has a say
_FEWEST = 3  # classes
_MOST = 0.6  # of the pixels
_NO_MORE = 0.1  # agreement beyond chance that is as good as none


def permutation_mistake(confusion: NDArray[np.integer[Any]], *, decides: str | None = None) -> str | None:
    """What to say where masks and predictions agree if classes are exchanged, and not as they are.

    `confusion` is (K, K) or (K, K + 1) pixels, truth by prediction; `decides` is the setting whose file tells the
    masks' ids. A class counts as exchanged where its most frequent prediction is another class, of whose predictions it
    has the most; they have to be three at least, most of the pixels, and twice as many pixels to agree as without, and
    more than most. A network takes one class for another, too: so half of them have to be exchanged among each other,
    or all ids to be off by as many.
    """
    classes, total = len(confusion), float(confusion.sum())
    if not total:
        return None
    counts = confusion[:, :classes]
    answers, askers = counts.argmax(axis=1), counts.argmax(axis=0)
    share = confusion.sum(axis=1) / total
    moved = [k for k in range(classes) if share[k] >= _RARE and answers[k] != k and askers[answers[k]] == k]
    stay = [k for k in range(classes) if k not in moved]
    agree = float(np.trace(counts)) / total
    would = float(counts[moved, answers[moved]].sum() + counts[stay, stay].sum()) / total
    among = {int(answers[k]) for k in moved} & set(moved)  # of the others most images have nothing, perhaps
    is_one_list = len(among) >= max(2, len(moved) / 2) or len({int(answers[k]) - k for k in moved}) == 1
    if len(moved) < _FEWEST or not is_one_list or share[moved].sum() <= 0.5 or would <= max(2 * agree, _MOST):
        return None
    lines = first_of([f"{k}:{answers[k]}" for k in moved], SHOWN)
    cure = (
        MASKS.translate(lines, before=" that holds the lines ")
        if decides is None
        else f"change the lines of {setting(decides)}, which decide the masks' ids now, to those of {lines}"
    )
    return (
        f"{100 * agree:.1f} % of the labelled pixels agree with the predictions, and {100 * would:.1f} % would if ids "
        f"were exchanged: they look numbered by another list of classes; {cure}"
    )


def chance_mistake(confusion: NDArray[np.integer[Any]]) -> str | None:
    """What to say where masks and predictions agree no more than by chance, and most pixels do not."""
    classes, total = len(confusion), float(confusion.sum())
    if not total:
        return None
    agree = np.array(np.trace(confusion[:, :classes]) / total)
    chance = np.array((confusion.sum(axis=1) @ confusion[:, :classes].sum(axis=0)) / total**2)
    kappa = float(beyond_chance(agree, chance))
    if agree >= 0.5 or kappa >= _NO_MORE:
        return None
    return (
        f"{100 * float(agree):.1f} % of the labelled pixels agree with the predictions, hardly more than by chance "
        f"(kappa {kappa:.2f}): the masks are of other images or classes, or such images are beyond the network"
    )
