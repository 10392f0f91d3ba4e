"""An image sampled densely at edges: a grid of places, and the pixels that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.sampling.edges import label_edges, nearest_edge
from hypsegcli.sampling.energy import Places, best_places

# What a strength of smoothing means depends on how far apart nodes are: that of a grid of so many along the longer side
# of an image. The paper's 1 bends images so far that what a first pass has missed is lost to the second; chosen on
# CamVid's validation images among 1, 4 and 16.
_NODES, _STRENGTH = 32, 16.0

# Along a side, so many points are looked at and averaged for one sample, lest thin things fall between two.
_POINTS = 3

_ROWS = 64  # of samples that are worked out at a time, which bounds memory

# An image with many more pixels than samples is shrunk to so many times the samples before, along a side: points would
# otherwise leave pixels out. Where samples lie closest they are about half as far apart as when evenly spaced.
FINER = 2


@dataclass(frozen=True, eq=False)
class Warp:
    """Where the samples (height, width) of an image lie in it.

    A sample is a square, whose middle lies at halves; so are pixels, and places go from the outer corner of the first
    to that of the last. Evenly spaced places give what shrinking gives.
    """

    places: Places  # (h, w, 2) of nodes, from corner to corner of the samples
    height: int
    width: int

    def at(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Places:
        """(r, c, 2) places in the image, of rows and columns of samples, counted from the outer corner."""
        down = _blend(rows / self.height, self.places.shape[0])
        across = _blend(columns / self.width, self.places.shape[1])
        return np.stack([down @ self.places[..., axis] @ across.T for axis in (0, 1)], -1)

    def image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The samples (height, width, 3) of an image (H, W, 3), each the mean of 3 x 3 points in it."""
        samples = np.empty((self.height, self.width, 3), np.uint8)
        for start, stop, places in self._bands(_POINTS):
            rows, columns = (_to_pixels(places[..., axis], pixels.shape[axis]) for axis in (0, 1))
            points = cv2.remap(
                pixels,
                columns.astype(np.float32),
                rows.astype(np.float32),
                interpolation=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            samples[start:stop] = cv2.resize(points, (self.width, stop - start), interpolation=cv2.INTER_AREA)
        return samples

    def mask(self, ids: NDArray[Any]) -> NDArray[Any]:
        """The ids (height, width) in the middles of samples, of a mask (H, W): they are never blended."""
        samples = np.empty((self.height, self.width), ids.dtype)
        for start, stop, places in self._bands(1):
            rows, columns = (
                np.rint(_to_pixels(places[..., axis], ids.shape[axis])).astype(np.intp).clip(0, ids.shape[axis] - 1)
                for axis in (0, 1)
            )
            samples[start:stop] = ids[rows, columns]
        return samples

    def _bands(self, points: int) -> Iterator[tuple[int, int, Places]]:
        """Rows [start, stop) of samples, and the places of so many points along each side of each."""
        columns = (np.arange(points * self.width) + 0.5) / points
        for start in range(0, self.height, _ROWS):
            stop = min(start + _ROWS, self.height)
            yield start, stop, self.at((np.arange(points * start, points * stop) + 0.5) / points, columns)


def warp_to(labels: NDArray[Any], *, void: int | None = None, longest_side: int) -> Warp | None:
    """Where samples (h, w), as many as there are labels, should lie; None where these have no edges.

    `longest_side` is how many samples the longer side of the whole image has, of which this may be a part.
    """
    edges = label_edges(labels, void=void)
    if not edges.any():
        return None
    height, width = labels.shape
    nodes = [max(3, round(_NODES * side / longest_side)) for side in (height, width)]
    nearest = nearest_edge(edges, (nodes[0], nodes[1]))
    return Warp(best_places(nearest, _STRENGTH), height, width)


def sample_image(pixels: NDArray[np.uint8], warp: Warp) -> NDArray[np.uint8]:
    """The samples of a whole image (H, W, 3), however large it is."""
    height, width = FINER * warp.height, FINER * warp.width
    if height < pixels.shape[0]:
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return warp.image(pixels)


def _blend(at: NDArray[np.float64], nodes: int) -> NDArray[np.float64]:
    """(n, nodes) shares of the nodes on both sides of places in [0, 1], linear."""
    places = at * (nodes - 1)
    before = np.floor(places).clip(0, nodes - 2).astype(np.intp)
    shares = np.zeros((len(at), nodes))
    each = np.arange(len(at))
    shares[each, before] = before + 1 - places
    shares[each, before + 1] = places - before
    return shares


def _to_pixels(places: NDArray[np.float64], pixels: int) -> NDArray[np.float64]:
    """Places in [0, 1] as indices of pixels, whose middles are whole."""
    found: NDArray[np.float64] = places * pixels - 0.5
    return found
