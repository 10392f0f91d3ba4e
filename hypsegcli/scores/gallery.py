"""The images that a person should look at: the ten worst and the ten most uncertain, as strips of four pictures.

photograph | truth | prediction | uncertainty, each in the same size. Where nothing is labelled, the truth is grey.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from hypsegcli.pictures.heatmap import doubt_colors
from hypsegcli.pictures.palette import RGB
from hypsegcli.scores.tally import Sample

KEPT = 10

_HEIGHT = 180  # pixels, of each picture in a strip
_WIDTH = 1440  # at most; a wider picture is lower instead, for a JPEG has at most 65,500 columns
_GAP = 4
_VOID = (128, 128, 128)
_WHITE = (255, 255, 255)


Draw = Callable[[Sample, RGB | None, RGB, str | None], bytes]


class Ranked(NamedTuple):
    """An image among the first ten, by rank: the smallest rank is first, ties go by key."""

    rank: float
    key: str
    picture: bytes  # JPEG


class Gallery:
    """Keeps the strips of the first ten images, and no more, however many pass; they show a measure's uncertainty.

    `draw` makes the picture file of an image from what `strip` takes.
    """

    def __init__(self, measure: str | None = None, *, draw: Draw | None = None) -> None:
        self.kept: list[Ranked] = []
        self._measure = measure
        self._draw = draw or draw_strip

    def offer(self, rank: float, sample: Sample, photograph: RGB | None, palette: RGB) -> None:
        """Draw an image's strip if it is among the first."""
        if rank != rank or (len(self.kept) == KEPT and (rank, sample.key) >= self.kept[-1][:2]):  # noqa: PLR0124 (NaN)
            return
        insort(self.kept, Ranked(rank, sample.key, self._draw(sample, photograph, palette, self._measure)))
        del self.kept[KEPT:]

    def merge(self, other: Gallery) -> None:
        """Keep the first of both, as if all images had passed here."""
        self.kept = sorted([*self.kept, *other.kept])[:KEPT]


def strip(sample: Sample, photograph: RGB | None, palette: RGB, measure: str | None = None) -> RGB:
    """What `draw_pictures` draws, side by side."""
    pictures = draw_pictures(sample, photograph, palette, measure)
    gap = np.full((pictures[0].shape[0], _GAP, 3), _WHITE, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1)


def draw_pictures(sample: Sample, photograph: RGB | None, palette: RGB, measure: str | None = None) -> list[RGB]:
    """The pictures of an image, of one size; `palette` is (C, 3) uint8, and without a measure there is no doubt."""
    colors = np.concatenate([palette, np.array([_VOID], np.uint8)])
    pictures = [photograph] if photograph is not None else []
    pictures += [colors[sample.truth], colors[sample.labels]]
    if measure is not None:
        pictures.append(doubt_colors(1.0 - sample.levels[measure].astype(np.float32) / np.float32(65535.0)))
    height, width = sample.truth.shape
    share = min(_HEIGHT / height, _WIDTH / width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return [cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for picture in pictures]


def draw_strip(sample: Sample, photograph: RGB | None, palette: RGB, measure: str | None = None) -> bytes:
    """The pictures of `strip` as a JPEG file."""
    buffer = BytesIO()
    Image.fromarray(strip(sample, photograph, palette, measure)).save(buffer, "JPEG", quality=88, subsampling=0)
    return buffer.getvalue()
