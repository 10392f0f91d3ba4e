"""Ids that are off by one: told by what would agree if they were not.

Where every id is allowed, as in masks that run from 1 with 0 for none and whose last id is void, nothing but a
prediction, or another set of masks, can tell.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.truth.diagnose import LABEL_MAPS, MASKS, lines_one_higher, lines_one_lower

_RARE = 0.005  # share of the labelled pixels from which a class has a say
_ALONE = 0.9  # of the pixels, where a single class says so
_ALIKE, _CLEARLY = 0.7, 0.25  # common share of two histograms, and how much less of it they have as they are


class Shift(NamedTuple):
    """Ids of masks that fit their predictions better when changed."""

    by: int  # 1: the masks' ids are one more than they should be; -1: one less; 0: two classes are exchanged
    agree: float  # share of the labelled pixels whose prediction is their class, as the ids are
    would: float  # and with the ids changed
    but_zero: bool = False  # both shares are of the pixels whose id is not 0, which is right in itself
    has_last: bool = False  # whether the last id occurs where all should be one higher: void, or what is 1 here


def find_shift(confusion: NDArray[np.integer[Any]], *, alone: bool = True) -> Shift | None:
    """The change of ids under which masks and predictions agree; None where they agree as well as they are.

    `confusion` is (K, K) or (K, K + 1) pixels, truth by prediction. A change counts where most pixels are of classes
    whose most frequent prediction is the one it says, at least two classes or nearly all pixels, and twice as many
    pixels agree as without. A class `alone` says nothing of a network that may answer a single class wherever it is.
    """
    classes = len(confusion)
    counts = confusion[:, :classes].astype(np.float64)
    total = float(confusion.sum())
    if not total:
        return None
    agree = float(np.trace(counts)) / total
    share = confusion.sum(axis=1) / total
    told = np.flatnonzero(share >= _RARE)  # classes that have a say
    answers = counts.argmax(axis=1)
    if classes == 2 and len(told) == 2 and (answers == [1, 0]).all():
        would = float(counts[0, 1] + counts[1, 0]) / total
        return Shift(0, agree, would) if would > 2 * agree else None
    if 0 in told and answers[0] == 0 and (found := _shift_but_zero(confusion)):
        return found
    for by in (1, -1):
        would = float(np.trace(counts, offset=-by)) / total
        voices = [k for k in told if answers[k] == k - by]
        enough = len(voices) > 1 or (alone and would >= _ALONE)
        if enough and share[voices].sum() > 0.5 and would > 2 * agree:
            return Shift(by, agree, would)
    return None


def _shift_but_zero(confusion: NDArray[np.integer[Any]]) -> Shift | None:
    """Ids that are one lower where 0 has stayed 0, as after `maximum(ids - 1, 0)`: a background hides the rest."""
    classes, total = len(confusion), float(confusion[1:].sum())
    others = confusion[1:, :classes].astype(np.float64)
    if total < _RARE * confusion.sum() or not total:
        return None
    share = others.sum(axis=1) / total
    told = np.flatnonzero(share >= _RARE)
    voices = [k for k in told if others[k].argmax() == k + 2]
    agree, would = float(np.trace(others, offset=1)) / total, float(np.trace(others, offset=2)) / total
    if len(voices) > 1 and share[voices].sum() > 0.5 and would > 2 * agree:
        return Shift(-1, agree, would, but_zero=True, has_last=bool(share[-1] >= _RARE))
    return None


def shift_mistake(
    shift: Shift, *, classes: int, decides: str | None = None, stored: bool = False, decides_labels: str | None = None
) -> str:
    """What to say; `decides` is the setting whose file tells the masks' ids, `stored` where label maps are scored.

    `decides_labels` is the setting whose file tells the ids of those.
    """
    which = "labelled pixels that are not 0" if shift.but_zero else "labelled pixels"
    found = f"{_percent(shift.agree)} of the {which} agree with the predictions, and {_percent(shift.would)} would"
    if shift.but_zero:
        one_higher = f"{found} if their ids were one higher: the ids look off by one, "
        if shift.has_last:
            lines = ", ".join(f"{k}:{k + 1}" for k in range(1, min(4, classes - 1)))
            return (
                f"{one_higher}but 0; where 1 was taken from each, what was 0 and what was 1 are one now, so go back to "
                f"the masks as they were; where they are numbered by another list, of which {classes - 1} stands for "
                f"what is 1 here, {_cure(f'{lines} and so on', decides=decides)}"
            )
        return (
            f"{one_higher}as where 1 was taken from each and 0 stayed 0; what was 0 and what was 1 are one now, so go "
            "back to the masks as they were"
        )
    if shift.by == 0:
        lines = other = "0:1, 1:0"
        sentence = f"{found} if the two classes were exchanged"
    else:
        down, up = lines_one_lower(classes), lines_one_higher(classes)
        lower, lines, other = ("one lower", down, up) if shift.by == 1 else ("one higher", up, down)
        guess = "ids that run from 1, where 0 means none" if shift.by == 1 else "a list of classes that lacks the first"
        sentence = f"{found} if their ids were {lower}: the ids look off by one, as with {guess}"
    cures = _cure(lines, decides=decides)
    if stored:
        other_map = (
            LABEL_MAPS.translate(other, before=" that holds the lines ")
            if decides_labels is None
            else f"change the lines of {setting(decides_labels)}, which decide their ids now"
        )
        cures += f"; or, if it is the label maps that are off, {other_map}"
    return f"{sentence}; {cures}"


def histograms_shifted(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether the pixels of classes 0 to K - 1 in two sets of masks are alike only if the ids of one are off by one."""
    if len(one) < 3 or not one.any() or not other.any():
        return False
    p, q = one / one.sum(), other / other.sum()
    common = float(np.minimum(p, q).sum())
    shifted = max(float(np.minimum(p[1:], q[:-1]).sum()), float(np.minimum(p[:-1], q[1:]).sum()))
    return shifted >= _ALIKE and shifted - common >= _CLEARLY


def _cure(lines: str, *, decides: str | None) -> str:
    if decides is not None:
        return f"change the lines of {setting(decides)}, which decide the masks' ids now"
    return MASKS.translate(lines, before=" that holds the lines ")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
