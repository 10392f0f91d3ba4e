"""COCO's run lengths: how many pixels are out, in, out, ... of a mask, column by column, and their text.

The format is that of the COCO API (Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

_ZERO = 48  # the letter that stands for 0; each holds five bits, and whether there are more
_MOST = 13  # letters of a number of 64 bits


class Region(NamedTuple):
    """The pixels of one label in an image."""

    label: int
    counts: Counts
    area: int  # pixels
    box: tuple[int, int, int, int]  # left, top, width, height


def encode_regions(labels: NDArray[np.integer[Any]]) -> list[Region]:
    """The regions of all labels in (H, W) but 0, in the order of the labels."""
    height = len(labels)
    columns = labels.T.ravel()
    starts = np.flatnonzero(np.concatenate([[True], columns[1:] != columns[:-1]]))
    ends = np.append(starts[1:], columns.size)
    values = columns[starts]
    regions = []
    for label in np.unique(values).tolist():
        if label == 0:
            continue
        first, last = starts[values == label], ends[values == label]
        counts = np.empty(2 * len(first), np.int64)
        counts[0::2] = first - np.concatenate([[0], last[:-1]])
        counts[1::2] = last - first
        if rest := columns.size - int(last[-1]):
            counts = np.append(counts, rest)
        tall = first // height != (last - 1) // height  # through the end of a column
        top = 0 if tall.any() else int((first % height).min())
        bottom = height if tall.any() else int(((last - 1) % height).max()) + 1
        left, right = int(first[0]) // height, (int(last[-1]) - 1) // height + 1
        regions.append(Region(label, counts, int(counts[1::2].sum()), (left, top, right - left, bottom - top)))
    return regions


def to_mask(counts: NDArray[Any], height: int, width: int) -> NDArray[np.bool_]:
    """(H, W) where a mask is in; ValueError for counts that are not those of so many pixels."""
    counts = np.asarray(counts, np.int64)
    total = height * width
    if counts.size == 0 or counts.min() < 0 or counts.max() > total or int(counts.sum()) != total:
        raise ValueError(f"its run lengths are not those of {width} x {height} pixels")
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(width, height).T


def to_text(counts: Counts) -> str:
    """The run lengths as a text: each but the first three as its difference to the one before the last."""
    left = counts.astype(np.int64)
    left[3:] -= counts[1:-2]
    letters = np.zeros((len(left), _MOST), np.uint8)
    used = np.zeros(letters.shape, bool)
    going = np.ones(len(left), bool)
    for at in range(_MOST):
        bits = left & 31
        left >>= 5
        more = np.where(bits & 16, left != -1, left != 0)
        letters[:, at] = bits + 32 * more + _ZERO
        used[:, at] = going
        going &= more
        if not going.any():
            break
    return letters[used].tobytes().decode("ascii")


def from_text(text: str) -> Counts:
    """The run lengths of a text; ValueError for one that is none."""
    letters = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - _ZERO
    if letters.size == 0 or (letters < 0).any() or (letters > 63).any() or letters[-1] & 32:
        raise ValueError("its run lengths are no text of COCO's")
    ends = np.flatnonzero(~(letters & 32).astype(bool))
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1
    if sizes.max() > _MOST - 1:
        raise ValueError("its run lengths are no text of COCO's")
    places = np.arange(letters.size) - np.repeat(starts, sizes)
    values = np.add.reduceat((letters & 31) << (5 * places), starts)
    values -= np.where(letters[ends] & 16, np.int64(1) << (5 * sizes), 0)  # below 0
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
