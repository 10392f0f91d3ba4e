"""Colours of classes, of the inner nodes above them, and made-up ones where none were given. RGB uint8 throughout."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]

_UNDECIDED = (0, 0, 0)
_BACKGROUND = (64, 64, 64)  # no hue, and neither undecided nor the middle grey of what is not labelled
_GOLDEN = 0.618033988749895  # steps of the golden ratio around the hue circle never come close to each other


def node_palette(colors: Sequence[tuple[int, int, int]], leaves_below: NDArray[np.bool_]) -> RGB:
    """(M + 1, 3): classes as given, inner nodes the mean of the classes below, then black for undecided.

    `leaves_below` is (M, K), True where a class lies at or below a node.
    """
    leaves = np.asarray(colors, dtype=np.float64)
    share = leaves_below / leaves_below.sum(axis=1, keepdims=True)
    return np.concatenate([np.rint(share @ leaves), [_UNDECIDED]]).astype(np.uint8)


def spread_colors(count: int, *, background: int | None = None) -> tuple[tuple[int, int, int], ...]:
    """(count,) RGB colours of which neighbours in the list differ.

    That of the class `background` is a dark grey; the others are those that there would be without it.
    """
    colors = []
    for index in range(count if background is None else count - 1):
        red, green, blue = colorsys.hsv_to_rgb((index * _GOLDEN) % 1.0, 0.65, (0.95, 0.7, 0.85)[index % 3])
        colors.append((round(255 * red), round(255 * green), round(255 * blue)))
    if background is not None:
        colors.insert(background, _BACKGROUND)
    return tuple(colors)


def legend_order(counts: NDArray[np.integer], background: int | None = None) -> list[int]:
    """The ids that occur, those with the largest of `counts` (N,) first, the class `background` last of all."""
    order = [int(node) for node in np.argsort(-counts, kind="stable") if counts[node]]
    return sorted(order, key=lambda node: node == background)
