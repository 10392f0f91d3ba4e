"""Whom a person should look at first, where near-identical images must not all come on top, nor all of one class.

The first image is the one of the largest score. Each further one is that of the largest `score * min(1, d / apart)`
among those not taken yet, d being the distance of its signature to the nearest one taken: who looks like what has been
taken waits, and who looks like nothing taken loses nothing. So one of twenty frames of a stop at a red light is on top,
and the other nineteen come later, the most different first. Every first n of the order are what they would be if n had
been asked for. The greedy step is that of farthest-first traversal (Gonzalez, Theoretical Computer Science 1985), with
scores for weights and an end to what distance can add.

Nothing is drawn at random. Signatures are small whole numbers, whose squared distances float32 holds exactly, so that
the order is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

APART = 1.0  # of the typical distance of two images: with half of it, two frames a second apart are both on top
_STEPS = 1_000_000_000  # images times places that are given greedily; seconds, a minute where all scores are alike
_BLOCK = 4096  # images looked at together
_ROWS = 512  # of them, that so many are compared with
_LARGEST_SIGNATURE = 64  # numbers; squared lengths of more would leave float32's whole numbers


def diverse_order(
    scores: NDArray[Any],
    signatures: NDArray[np.uint8] | None = None,
    classes: NDArray[Any] | None = None,
    *,
    quotas: float | Mapping[int, float] | None = None,
    apart: float = APART,
    most: int | None = None,
    block: int = _BLOCK,
) -> NDArray[np.intp]:
    """(N,) the numbers of N images, the one to look at first in front.

    scores        (N,) 0 or more, finite: what there is to gain, such as expected wrong pixels
    signatures    (N, D) uint8, D at most 64: near-identical images have nearly the same, and their Euclidean distance
                  says how different two are; `products/signature.py` makes them. None: the order is by score
    classes       (N,) whole numbers: of which class each image is, such as that of most of its expected wrong pixels
    quotas        the largest share, in (0, 1], that each class may have, or one for all of them: of the first n images,
                  for every n, a class has at most `ceil(share * n)`, while there are images of others
    apart         from which distance on two images are different, as a share of the typical distance of two of these
                  images (root of the mean square); 0: the order is by score and quotas; the larger, the more it is the
                  spread of the images and the less their score that decides
    most          how many places are given in this way; the rest follows by score. None: all of up to 31,622 images,
                  1,000 of a million
    block         images looked at together, which decides how long it takes and nothing else

    Of equal ones the lower class is first, then the lower number. Those whose signature has been taken already follow
    behind all others, by score, and so do those of score 0. Takes time in N * most at worst, memory in N * D. Raises
    ValueError for arrays that are not as said here.
    """
    count = len(scores)
    values = _checked(scores, signatures, classes, quotas)
    by_score = np.argsort(-values, kind="stable")
    most = min(count, _STEPS // max(count, 1) if most is None else most)
    reach = 0.0 if signatures is None or apart <= 0 else apart * sqrt(_typical_square(signatures))
    if reach == 0 and quotas is None:
        return by_score
    kinds = np.zeros(count, np.intp) if classes is None else classes
    blocks = []
    for kind in np.unique(kinds):
        rows = by_score[kinds[by_score] == kind]
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            blocks.append(_Block(int(kind), part, values[part], None if reach == 0 else _floats(signatures, part)))
    front = _greedy(blocks, _Quotas(quotas), reach, most)
    is_left = np.ones(count, bool)
    is_left[front] = False
    return np.concatenate([np.array(front, np.intp), by_score[is_left[by_score]]])


def newness(
    scores: NDArray[Any], signatures: NDArray[np.uint8], *, apart: float = APART, most: int | None = None
) -> NDArray[np.float64]:
    """(N,) `min(1, d / apart)` of each image when `diverse_order` came to it: what its score counted for.

    By which other things than images can be ranked, such as places in them. Of the images behind the first `most`, how
    far they are from those.
    """
    count = len(scores)
    order = diverse_order(scores, signatures, apart=apart, most=most)
    reach = apart * sqrt(_typical_square(signatures)) if apart > 0 else 0.0
    if reach == 0:
        return np.ones(count)
    taken = _floats(signatures, order[: _STEPS // max(count, 1) if most is None else most])
    squares = np.full(count, np.inf, np.float32)
    for start in range(0, count, _ROWS):
        rows = order[start : start + _ROWS]
        looks = _floats(signatures, rows)
        for first in range(0, min(start + len(rows), len(taken)), _BLOCK):
            others = taken[first : first + _BLOCK]
            found = (looks**2).sum(1)[:, None] + (others**2).sum(1) - 2 * (looks @ others.T)
            found[start + np.arange(len(rows))[:, None] <= first + np.arange(len(others))] = np.inf  # that come later
            squares[rows] = np.minimum(squares[rows], found.min(1))
    return np.minimum(1, np.sqrt(squares.astype(np.float64)) / reach)


@dataclass
class _Block:
    """Some images of one class, larger scores first, and what is known of what they are worth."""

    kind: int
    rows: NDArray[np.intp]  # their numbers
    scores: NDArray[np.float64]
    signatures: NDArray[np.float32] | None  # (n, D) whole numbers
    seen: int = 0  # how many of those taken `squares` is of
    best: int = 0  # the place here of the one that is worth most, `bound`: exactly so where all taken were seen
    bound: float = field(init=False)

    def __post_init__(self) -> None:
        self.squares = np.full(len(self.rows), np.inf, np.float32)  # of the distance to the nearest one taken
        self.bound = float(self.scores[0])
        if self.signatures is not None:
            self._lengths = (self.signatures**2).sum(1)

    def see(self, taken: NDArray[np.float32], reach: float) -> None:
        """Take all taken (t, D) into account."""
        for first in range(self.seen, len(taken), _ROWS):
            assert self.signatures is not None
            new = taken[first : first + _ROWS]
            # Whole numbers below 2**24, so that no order of the sums changes them.
            squares = self._lengths[:, None] + (new**2).sum(1) - 2 * (self.signatures @ new.T)
            self.squares = np.minimum(self.squares, squares.min(1))
        self.seen = len(taken)
        self.weigh(reach)

    def weigh(self, reach: float) -> None:
        """Find out who is worth most."""
        worth = self.scores
        if reach > 0:
            worth = worth * np.minimum(1, np.sqrt(self.squares.astype(np.float64)) / reach)
        self.best = int(worth.argmax())
        self.bound = float(worth[self.best])

    def take(self, reach: float) -> int:
        """The number of the one that is worth most, which is worth nothing from now on."""
        number = int(self.rows[self.best])
        self.scores[self.best] = 0
        self.weigh(reach)
        return number


class _Quotas:
    """How many of each class have been taken, and whether it may have one more."""

    def __init__(self, quotas: float | Mapping[int, float] | None) -> None:
        self._quotas = quotas
        self._taken: dict[int, int] = {}

    def allow(self, kind: int, count: int) -> bool:
        """Whether the first `count` images may have one more of a class."""
        share = self._quotas.get(kind, 1.0) if isinstance(self._quotas, Mapping) else self._quotas
        return share is None or self._taken.get(kind, 0) < ceil(share * count)

    def add(self, kind: int) -> None:
        """Count one."""
        self._taken[kind] = self._taken.get(kind, 0) + 1


def _greedy(blocks: list[_Block], quotas: _Quotas, reach: float, most: int) -> list[int]:
    """At most so many numbers of images, as long as one is worth anything.

    What an image is worth only falls, so that what a block was worth is a bound: only blocks that may hold the next
    one are looked at again.
    """
    front: list[int] = []
    width = 0 if not blocks or blocks[0].signatures is None else blocks[0].signatures.shape[1]
    taken = np.empty((most, width), np.float32)
    bounds = np.array([each.bound for each in blocks])
    kinds, kind_of = np.unique([each.kind for each in blocks], return_inverse=True)
    while len(front) < most and bounds.max(initial=0) > 0:
        allowed = np.array([quotas.allow(int(kind), len(front) + 1) for kind in kinds])[kind_of]
        worth = np.where(allowed, bounds, 0)
        chosen = int((worth if worth.max() > 0 else bounds).argmax())
        one = blocks[chosen]
        if reach > 0 and one.seen < len(front):
            one.see(taken[: len(front)], reach)
        else:
            if one.signatures is not None:
                taken[len(front)] = one.signatures[one.best]
            quotas.add(one.kind)
            front.append(one.take(reach))
        bounds[chosen] = one.bound
    return front


def _floats(signatures: NDArray[np.uint8] | None, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    assert signatures is not None
    return signatures[rows].astype(np.float32)


def _typical_square(signatures: NDArray[np.uint8]) -> float:
    """The mean squared distance of two of them, in whole numbers until the end."""
    count = len(signatures)
    squares = sum(
        int((signatures[start : start + _BLOCK].astype(np.int64) ** 2).sum()) for start in range(0, count, _BLOCK)
    )
    sums = signatures.sum(0, dtype=np.int64)
    return 2 * (count * squares - sum(int(each) ** 2 for each in sums)) / max(count, 1) ** 2


def _checked(
    scores: NDArray[Any],
    signatures: NDArray[Any] | None,
    classes: NDArray[Any] | None,
    quotas: float | Mapping[int, float] | None,
) -> NDArray[np.float64]:
    """Scores as float64; ValueError where an array is not as `diverse_order` says."""
    values = np.array(scores, np.float64)
    if values.ndim != 1 or not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"scores of shape {values.shape}: expected (N,) finite numbers, 0 or more")
    if signatures is not None and (
        signatures.dtype != np.uint8
        or signatures.ndim != 2
        or len(signatures) != len(values)
        or signatures.shape[1] > _LARGEST_SIGNATURE
    ):
        raise ValueError(
            f"signatures {signatures.dtype} {signatures.shape}: expected uint8 ({len(values)}, at most "
            f"{_LARGEST_SIGNATURE})"
        )
    if classes is not None and classes.shape != values.shape:
        raise ValueError(f"classes of shape {classes.shape}: expected {values.shape}")
    if quotas is not None and classes is None:
        raise ValueError("quotas are of classes: expected the class of each image")
    shares = quotas.values() if isinstance(quotas, Mapping) else () if quotas is None else (quotas,)
    if not all(0 < share <= 1 for share in shares):
        raise ValueError(f"quotas {quotas}: expected shares in (0, 1]")
    return values
