"""Ids of another list of classes, and masks of something else altogether: told by what predictions would agree with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.files.words import first_of
from hypsegcli.truth.diagnose import LABEL_MAPS, MASKS
from hypsegcli.truth.shift import Shift
from hypsegcli.truth.turned import beyond_chance

_RARE = 0.005  # share of the pixels from which a class has a say
_FEWEST, _MANY = 3, 5  # classes that are exchanged, and that no network would take for as many others
_MOST = 0.6  # of the pixels
_TIMES, _TIMES_BESIDE = 2, 3  # as many pixels agree as did; and where those of a background do not count
_TIMES_MANY = 10  # where many are exchanged for classes that the masks hardly have
_NO_MORE = 0.1  # agreement beyond chance that is as good as none
_SECOND = 0.02  # share of the pixels of another class than the most frequent one, from which on that tells
_LARGE = 0.4  # share of the pixels of a class that may hide what the others are worth
_BETTER = 0.1  # share of the pixels that agree beside, by which an exchange is more than a shift and what is mistaken
_LINES = 32  # of a translation, which is of use only where none is missing


class Exchange(NamedTuple):
    """Classes under whose exchange masks and predictions agree, and not as they are."""

    agree: float  # share of the pixels whose prediction is their class, as the ids are
    would: float  # and with the ids exchanged
    lines: Mapping[int, int]  # the class of each id of the masks that is told, also where it stays
    untold: tuple[int, ...]  # ids of the masks whose class is not told
    left: tuple[int, ...]  # the classes that may be theirs
    but: int | None  # both shares are of the pixels that are not this class, which dominates and stays


def find_exchange(confusion: NDArray[np.integer[Any]]) -> Exchange | None:
    """The exchange of classes under which masks and predictions agree; None where they agree as they are.

    `confusion` is (K, K) or (K, K + 1) pixels, truth by prediction. A class counts as exchanged where its most frequent
    prediction is another class, of whose predictions it has the most; they have to be three at least, most of the
    pixels, and twice as many pixels to agree as without, and more than most. A class that dominates and stays is left
    out of all that, since a background hides that everything else is missed; three times as many have to agree there,
    where networks are at their worst. A network takes one class for another, too: so half of them have to be exchanged
    among each other, or all ids to be off by as many, or they have to be many and to agree nearly never as they are.
    """
    classes = len(confusion)
    counts, rows = confusion[:, :classes], _without_background(confusion)
    total = float(confusion[rows].sum())
    if not total:
        return None
    but = None if len(rows) == classes else min(set(range(classes)) - set(rows))
    answers, askers = counts.argmax(axis=1), np.array(rows)[counts[rows].argmax(axis=0)]
    if but is not None:
        askers[but] = but
    share = confusion.sum(axis=1) / total
    moved = [k for k in rows if share[k] >= _RARE and answers[k] != k and askers[answers[k]] == k]
    stay = [k for k in rows if k not in moved]
    agree = float(counts[rows, rows].sum()) / total
    would = float(counts[moved, answers[moved]].sum() + counts[stay, stay].sum()) / total
    among = {int(answers[k]) for k in moved} & set(moved)  # of the others most images have nothing, perhaps
    differences = {(int(answers[k]) - k) % classes for k in moved}  # the last may have become the first
    is_another = len(moved) >= _MANY and would > _TIMES_MANY * agree
    is_one_list = len(among) >= max(2, len(moved) / 2) or len(differences) == 1 or is_another
    is_told = would > _MOST and would > (_TIMES if but is None else _TIMES_BESIDE) * agree
    if len(moved) < _FEWEST or not is_one_list or share[moved].sum() <= 0.5 or not is_told:
        return None
    lines = {k: int(answers[k]) for k in moved}
    mostly = 2 * counts.max(axis=1) > confusion.sum(axis=1)  # also of the rare
    lines |= {k: int(answers[k]) for k in range(classes) if mostly[k] and askers[answers[k]] == k}
    left = sorted(set(range(classes)) - set(lines.values()))
    untold = [k for k in range(classes) if k not in lines and share[k]]
    rest = _rest(untold, left, differences, classes)
    lines |= rest
    untold = [k for k in untold if k not in rest]
    would = float(sum(counts[k, lines.get(k, k)] for k in rows)) / total
    return Exchange(agree, would, dict(sorted(lines.items())), tuple(untold), tuple(left), but)


def find_better_exchange(confusion: NDArray[np.integer[Any]], shift: Shift) -> Exchange | None:
    """The exchange that says more than a shift of most ids, such as of a list whose first class has become the last.

    A shift makes void of the class that it has no place for. So that the ids of what nobody has labelled are not taken
    for a class, most of the pixels that go elsewhere by the exchange have to be of ids whose predictions mostly say so.
    """
    exchange = find_exchange(confusion) if shift.by else None
    if exchange is None or not _is_of_the_same_pixels(exchange, shift):
        return None
    rows = list(range(1 if shift.but_zero else 0, len(confusion)))
    would = float(confusion[rows, [exchange.lines.get(k, k) for k in rows]].sum() / confusion[rows].sum())
    is_shift = all(target == (k - shift.by) % len(confusion) for k, target in exchange.lines.items())
    if would < shift.would + (_RARE if is_shift else _BETTER):
        return None
    pixels = confusion.sum(axis=1)
    elsewhere = [k for k, target in exchange.lines.items() if target != k - shift.by and k != exchange.but]
    told = [k for k in elsewhere if 2 * confusion[k, exchange.lines[k]] > pixels[k]]
    return exchange if 2 * pixels[told].sum() > pixels[elsewhere].sum() else None


def _is_of_the_same_pixels(exchange: Exchange, shift: Shift) -> bool:
    """Whether 0, where a shift leaves it alone, stays by the exchange too, which may count its pixels all the same."""
    if exchange.but is not None or not shift.but_zero:
        return exchange.but == (0 if shift.but_zero else None)
    return exchange.lines.get(0) == 0


def permutation_mistake(
    exchange: Exchange, *, decides: str | None = None, stored: bool = False, decides_labels: str | None = None
) -> str:
    """What to say where masks and predictions agree if classes are exchanged, and not as they are.

    `decides` is the setting whose file tells the masks' ids; `stored` says that label maps are scored, and
    `decides_labels` is the setting whose file tells theirs.
    """
    lines, back = exchange.lines, {target: source for source, target in exchange.lines.items()}
    told = f"{_listed(lines)}{_and_of(exchange.untold, exchange.left)}"
    cure = (
        MASKS.translate(told, before=" that holds the lines ")
        if decides is None
        else f"change the lines of {setting(decides)}, which decide the masks' ids now, in where they lead: {told}"
    )
    if stored:
        others = f"{_listed(back)}{_and_of(exchange.left, exchange.untold)}"
        other_map = (
            LABEL_MAPS.translate(others, before=" that holds the lines ")
            if decides_labels is None
            else f"change the lines of {setting(decides_labels)}, which decide their ids now, in where they lead: "
            f"{others}"
        )
        cure += f"; or, if it is the label maps that are numbered so, {other_map}"
    return (
        f"{100 * exchange.agree:.1f} % of the {_pixels(exchange.but)} agree with the predictions, and "
        f"{100 * exchange.would:.1f} % would if ids were exchanged: they look numbered by another list of classes; "
        f"{cure}"
    )


def chance_mistake(confusion: NDArray[np.integer[Any]]) -> str | None:
    """What to say where masks and predictions agree no more than by chance, also but for a background."""
    classes, rows = len(confusion), _without_background(confusion)
    for some, no_more in ((list(range(classes)), _NO_MORE), (rows, _NO_MORE / 2)):
        truth, labels = confusion[some].sum(axis=1), confusion[some][:, some].sum(axis=0)
        total = float(truth.sum())
        if total <= _SECOND * confusion.sum():
            continue
        agree = np.array(confusion[some, some].sum() / total)
        kappa = float(beyond_chance(agree, np.array(truth @ labels / total**2)))
        # Of a single class, in the masks or in the predictions, as many agree by chance as do.
        is_mixed = min(total - truth.max(), labels.sum() - labels.max()) >= _SECOND * total
        is_all = len(some) == classes
        if kappa < no_more and (is_mixed or (is_all and agree < 0.5)):
            which = _pixels(None if is_all else min(set(range(classes)) - set(some)))
            return (
                f"{100 * float(agree):.1f} % of the {which} agree with the predictions, hardly more than by chance "
                f"(kappa {kappa:.2f}): the masks are of other images or classes, or such images are beyond the network"
            )
    return None


def _without_background(confusion: NDArray[np.integer[Any]]) -> list[int]:
    """The classes but one that has a large share of the pixels, where these and the predictions of it are mostly it."""
    counts, pixels = confusion[:, : len(confusion)], confusion.sum(axis=1)
    first = int(pixels.argmax())
    stays = counts[first].argmax() == first and counts[:, first].argmax() == first
    is_background = stays and pixels[first] >= _LARGE * pixels.sum()
    return [k for k in range(len(confusion)) if k != first or not is_background]


def _pixels(but: int | None) -> str:
    return "labelled pixels" if but is None else f"labelled pixels that are not {but}"


def _listed(lines: Mapping[int, int]) -> str:
    return first_of([f"{source}:{target}" for source, target in sorted(lines.items())], _LINES)


def _rest(untold: Sequence[int], left: Sequence[int], differences: Collection[int], classes: int) -> dict[int, int]:
    """The classes of ids that predictions do not tell, where no others are left, or all ids are off by as many."""
    if len(untold) == len(left) == 1:
        return {untold[0]: left[0]}
    off = {k: (k + by) % classes for k in untold for by in differences}
    return off if len(differences) == 1 and set(off.values()) <= set(left) else {}


def _and_of(untold: Collection[int], left: Collection[int]) -> str:
    if not untold or not left:
        return ""
    ids, classes = (first_of([str(k) for k in some], _LINES) for some in (untold, left))
    return f", and lines for {ids}, which lead to some of {classes}: the predictions do not tell to which"
