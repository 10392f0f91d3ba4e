"""Colours of classes, of the inner nodes above them, and made-up ones where none were given. RGB uint8 throughout."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]

# How far the colour of an inner node is from all others, in CIELAB (CIE76). Differences of 20 are seen at a glance; of
# a difference half is left over a photograph.
APART = 32.0

_UNDECIDED = (0, 0, 0)
_BACKGROUND = (64, 64, 64)  # no hue, and neither undecided nor the middle grey of what is not labelled
_STEP = 15  # of each channel, in the lattice of colours that inner nodes may have
_GOLDEN = 0.618033988749895  # steps of the golden ratio around the hue circle never come close to each other


def node_palette(colors: Sequence[tuple[int, int, int]], leaves_below: NDArray[np.bool_]) -> RGB:
    """(M + 1, 3): classes as given, inner nodes told apart from all others, then black for undecided.

    `leaves_below` is (M, K), True where a class lies at or below a node. An inner node gets, in the order of the ids,
    the colour nearest to the mean of the classes below of those that are `APART` in CIELAB from every colour before it;
    where none is left, in a tree of some hundred nodes, the one that is farthest.
    """
    K = len(colors)
    taken = np.array([*colors, _UNDECIDED], np.uint8)
    candidates = _lattice()
    places = _cielab(candidates)
    nearest = np.full(len(candidates), np.inf)  # of each candidate, to a colour that is taken
    for place in _cielab(taken):
        nearest = np.minimum(nearest, _distance(places, place))
    share = leaves_below[K:] / leaves_below[K:].sum(axis=1, keepdims=True)
    means = _cielab(np.rint(share @ taken[:K]).astype(np.uint8))
    chosen = []
    for mean in means:
        free = nearest >= APART
        best = np.argmin(np.where(free, _distance(places, mean), np.inf)) if free.any() else np.argmax(nearest)
        chosen.append(candidates[best])
        nearest = np.minimum(nearest, _distance(places, places[best]))
    return np.concatenate([taken[:K], np.reshape(chosen, (-1, 3)), taken[K:]]).astype(np.uint8)


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


def _lattice() -> RGB:
    """(N, 3) colours spread evenly over all there are."""
    steps = np.arange(0, 256, _STEP, dtype=np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


def _cielab(colors: RGB) -> NDArray[np.float32]:
    """(N, 3) L*, a*, b* under D65 of (N, 3) sRGB colours."""
    scaled = colors[:, None].astype(np.float32) / 255.0
    if not len(colors):
        return np.zeros((0, 3), np.float32)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)[:, 0]


def _distance(places: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) from each to one, in whole hundredths: the last bits of a root are not the same on every machine."""
    hundredths: NDArray[np.float32] = np.rint(100.0 * np.linalg.norm(places - place, axis=1))
    return hundredths / 100.0
