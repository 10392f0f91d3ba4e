"""Masks that were resized with interpolation, or saved by a lossy format, told by their edges.

Between the ids 3 and 9 of two areas interpolation leaves pixels of 4 to 8. Where these are classes too, no id is wrong;
but in masks as they were drawn next to no pixel of an edge lies strictly between its two neighbours. Counted on 3,725
masks of CamVid, ModaNet, CMP facades and nuclei: at most 1.8 % of a mask's pixels at edges, 4.6 % after it was made
eight times smaller by nearest neighbour; at least 13.9 % after bilinear, bicubic or Lanczos interpolation to 0.25 to 4
times the size, or JPEG (masks of two neighbouring ids apart, between which there is nothing).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import first_of

_SHARE = 0.10  # of the pixels at edges
_FEWEST = 50  # pixels between their neighbours, below which it may be chance
_NOISE = 0.6  # share of all pixels that lie at edges, from which there are no areas to interpolate between
_NOTABLE = 0.1  # of the pixels between, from which an id is one of those that lie there
_MASKS = 0.25  # of those that can tell, from which on it is the set; 0.7 look so and more where all of it was
_NAMED = 8  # files


def is_interpolated(values: NDArray[Any]) -> bool | None:
    """Whether (H, W) ids look interpolated; None where hardly any edge could tell.

    An edge tells by what lies on it, or by its step from one id to another that is no neighbour of it. One id between
    others alone is none of it: a class that is drawn as a line one pixel wide around another.
    """
    between, edges = np.zeros(values.shape, bool), np.zeros(values.shape, bool)
    steps = 0
    for ids, inside, at in ((values, between, edges), (values.T, between.T, edges.T)):
        rises, falls = ids[1:] > ids[:-1], ids[1:] < ids[:-1]
        inside[1:-1] |= (rises[1:] & rises[:-1]) | (falls[1:] & falls[:-1])
        changes = rises | falls
        at[1:] |= changes
        at[:-1] |= changes
        steps += int(np.count_nonzero(np.maximum(ids[1:], ids[:-1]) - np.minimum(ids[1:], ids[:-1]) > 1))
    lying, at_edges = int(between.sum()), int(edges.sum())
    if lying + steps < _FEWEST or at_edges > _NOISE * values.size:
        return None
    if lying < max(_FEWEST, _SHARE * at_edges):
        return False
    ids, pixels = np.unique(values[between], return_counts=True)
    notable = ids[pixels >= _NOTABLE * lying]
    if len(notable) != 1:
        return True
    only = values == notable[0]
    return int((only & between).sum()) * 2 < int(only.sum())  # a class with areas of its own elsewhere


class Interpolated:
    """Which masks of a set look interpolated."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._telling = 0

    def add(self, path: Path, found: bool | None) -> None:
        """One more mask, see `is_interpolated`."""
        self._telling += found is not None
        if found:
            self.paths.append(path)

    def is_mistake(self, refused: Collection[Path]) -> bool:
        """Whether it is what is wrong: with the set, or with most of those `refused` for another reason."""
        if refused:
            return 2 * len(set(self.paths).intersection(refused)) > len(refused)
        return bool(self.paths) and len(self.paths) >= _MASKS * self._telling

    def doubt(self, kind: str) -> str | None:
        """What to say where a few look so, which may be drawn like that; `kind` is what the files are called."""
        if not self.paths:
            return None
        named = first_of([str(path) for path in self.paths], _NAMED)
        look = "looks" if len(self.paths) == 1 else "look"
        return (
            f"{len(self.paths)} of the {kind} {look} interpolated, with ids at edges between those of their neighbours "
            f"({named}); go back to the original where that was resized with interpolation or saved by a lossy format"
        )
