"""Examples of clusters on one sheet, from which a person can tell what each cluster is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hypsegcli.files.words import as_label
from hypsegcli.pictures.letters import legible
from hypsegcli.pictures.palette import RGB
from hypsegcli.pictures.panel import FAINT, INK, PAPER

_HEIGHT, _WIDTH = 120, 160  # of an example's place, in pixels
_GAP, _PAD, _FONT = 6, 12, 15
_NAME = 150  # pixels for the name of a cluster
_LETTERS = 18  # of a name
_DIM = 0.3  # of the light of what is not of the cluster
_GREY = (0.299, 0.587, 0.114)


class ExampleRow(NamedTuple):
    """A cluster and pictures that show it."""

    name: str
    color: NDArray[np.uint8]  # (3,) RGB
    share: float  # of all pixels
    pictures: Sequence[RGB]


def show_cluster(photograph: RGB, inside: NDArray[np.bool_]) -> RGB:
    """The photograph (H, W, 3) where it is `inside` (H, W) a cluster, dark and grey elsewhere."""
    grey = (_DIM * photograph.astype(np.float32) @ np.array(_GREY, np.float32))[..., None]
    return np.where(inside[..., None], photograph, grey.astype(np.uint8)).astype(np.uint8)


def draw_examples(rows: Sequence[ExampleRow]) -> RGB:
    """A line a cluster: its colour, name and share, and beside them its pictures, each fit into its place."""
    font = ImageFont.load_default(_FONT)
    columns = max((len(row.pictures) for row in rows), default=0)
    width = _PAD + _NAME + columns * (_WIDTH + _GAP) + _PAD
    canvas = Image.new("RGB", (width, 2 * _PAD + len(rows) * (_HEIGHT + _GAP) - _GAP), PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, row in enumerate(rows):
        top = _PAD + number * (_HEIGHT + _GAP)
        fill = (int(row.color[0]), int(row.color[1]), int(row.color[2]))
        draw.rectangle((_PAD, top, _PAD + 2 * _FONT, top + 2 * _FONT), fill=fill, outline=FAINT)
        draw.text((_PAD, top + 3 * _FONT), as_label(legible(row.name, number), _LETTERS), fill=INK, font=font)
        draw.text((_PAD, top + 4 * _FONT + 6), f"{100 * row.share:.1f} % of all pixels", fill=FAINT, font=font)
        for place, picture in enumerate(row.pictures):
            shown = _fit(picture)
            left = _PAD + _NAME + place * (_WIDTH + _GAP) + (_WIDTH - shown.shape[1]) // 2
            canvas.paste(Image.fromarray(shown), (left, top + (_HEIGHT - shown.shape[0]) // 2))
    return np.asarray(canvas, dtype=np.uint8)


def _fit(picture: RGB) -> RGB:
    height, width = picture.shape[:2]
    share = min(_HEIGHT / height, _WIDTH / width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
