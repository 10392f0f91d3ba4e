"""What validation looks like: a picture an epoch, so that one sees a run learn."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.words import as_label
from hypsegcli.images.png import encode_rgb_png
from hypsegcli.pictures.letters import legible
from hypsegcli.pictures.palette import RGB
from hypsegcli.pictures.panel import FAINT, INK, PAPER

PICTURES = "pictures"  # the folder in a run's own
TITLES = ("photograph", "truth", "prediction", "doubt")  # of the columns

_GAP = 4
_FONT = 14  # pixels
_LINE, _PAD = 22, 8
_LETTERS = 24  # of a class's name


def draw_sheet(rows: Sequence[Sequence[RGB]], names: Sequence[str], palette: RGB) -> RGB:
    """Images below each other under the titles of their four columns, and below them what the colours mean.

    `rows` hold the pictures of `TITLES`, of one size in a row; `palette` is (K, 3), a colour a name.
    """
    font = ImageFont.load_default(_FONT)
    column = max(*(picture.shape[1] for row in rows for picture in row), *(round(font.getlength(t)) for t in TITLES))
    width = len(TITLES) * (column + _GAP) - _GAP
    height = sum(row[0].shape[0] + _GAP for row in rows)
    legend = _places(names, font, width)
    canvas = Image.new("RGB", (width, _LINE + height + _PAD + (legend[-1][1] + _LINE)), PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, title in enumerate(TITLES):
        draw.text((number * (column + _GAP), 2), title, fill=INK, font=font)
    top = _LINE
    for row in rows:
        for number, picture in enumerate(row):
            canvas.paste(Image.fromarray(picture), (number * (column + _GAP), top))
        top += row[0].shape[0] + _GAP
    top += _PAD
    for (left, down, word), color in zip(legend, palette, strict=True):
        fill = (int(color[0]), int(color[1]), int(color[2]))
        draw.rectangle((left, top + down, left + _FONT, top + down + _FONT), fill=fill, outline=FAINT)
        draw.text((left + _FONT + _PAD, top + down - 1), word, fill=INK, font=font)
    return np.asarray(canvas, dtype=np.uint8)


def write_sheet(out: Path, epoch: int, sheet: RGB) -> None:
    """Write `pictures/epoch-0010.png`."""
    write_atomically(out / PICTURES / f"epoch-{epoch:04}.png", encode_rgb_png(sheet))


def sheets_in(out: Path) -> list[str]:
    """What is in the way of sheets that `write_sheet` may write, as paths in `out`."""
    folder = out / PICTURES
    if os.path.lexists(folder) and not folder.is_dir():
        return [PICTURES]
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [f"{PICTURES}/{name}" for name in names if re.fullmatch(r"epoch-[0-9]{4,}\.png", name)]


def _places(
    names: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[tuple[int, int, str]]:
    """Where each name's entry begins, in pixels from the left and from the top, and the letters it is drawn in."""
    places = []
    left = top = 0
    for number, name in enumerate(names):
        word = as_label(legible(name, number), _LETTERS)
        takes = _FONT + _PAD + round(font.getlength(word))
        if left and left + takes > width:
            left, top = 0, top + _LINE
        places.append((left, top, word))
        left += takes + 2 * _PAD
    return places
