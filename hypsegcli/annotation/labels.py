"""The labels under which a labelling tool knows classes, and what becomes of pixels that have none.

Labels are numbered from 1, and 0 is what nobody labelled. That is what tools call background: a class of this name is
written as nothing, so that what a person erases becomes background again. Pixels that are void are nothing where no
class is background; where one is, they have a label of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BACKGROUND = "background"
UNLABELLED = 0
BLACK = (0, 0, 0)  # that of pixels nobody labelled

_VOID = ("void", "unlabelled", "ignored")  # what void is called: the first that no class is
_VOID_COLOR = (128, 128, 128)
_STEP = 37  # of a channel, until a colour is nobody's

RGB = tuple[int, int, int]
LabelMap = NDArray[np.uint16]


class Annotated(NamedTuple):
    """An image of a run as a tool is to see it."""

    key: str
    file_name: str  # the key, with the photograph's suffix
    labels: LabelMap  # (H, W)
    photograph: bytes | None = None  # its file; None: it does not go along


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of an export, numbered from 1."""

    names: tuple[str, ...]
    colors: tuple[RGB, ...]  # each its own, and none black
    numbers: LabelMap  # (K + 1,) the label of each class, and of void last; UNLABELLED for none
    void: int | None  # the label of void; None: void is what nobody labelled

    def of(self, ids: NDArray[np.integer[Any]]) -> LabelMap:
        """The labels of class ids, K for void."""
        return np.take(self.numbers, ids)

    def listed(self, *, holds_void: bool) -> list[tuple[int, str, RGB]]:
        """Number, name and colour of each label; that of void only where it occurs."""
        every = zip(range(1, len(self.names) + 1), self.names, self.colors, strict=True)
        return [label for label in every if holds_void or label[0] != self.void]


def plan_labels(names: Sequence[str], colors: Sequence[RGB]) -> Labels:
    """The labels of the classes 0 to K - 1; colours that are given twice, or black, are changed a little."""
    background = [index for index, name in enumerate(names) if is_background(name)]
    kept = [index for index in range(len(names)) if index not in background]
    numbers = np.zeros(len(names) + 1, np.uint16)
    numbers[kept] = np.arange(1, len(kept) + 1)
    labels, shown, void = [names[index] for index in kept], [colors[index] for index in kept], None
    if background:
        own = {name.casefold() for name in names}
        void = numbers[-1] = len(labels) + 1
        labels.append(next(name for name in (*_VOID, *(f"void {n}" for n in range(len(names)))) if name not in own))
        shown.append(_VOID_COLOR)
    taken = {BLACK}
    distinct: list[RGB] = []
    for color in shown:
        while color in taken:
            color = (color[0], (color[1] + _STEP) % 256, (color[2] + (color[1] + _STEP) // 256) % 256)  # noqa: PLW2901
        taken.add(color)
        distinct.append(color)
    return Labels(tuple(labels), tuple(distinct), numbers, void)


def is_background(name: str) -> bool:
    """Whether tools take a class of this name for what nobody labelled."""
    return name.casefold() == BACKGROUND
