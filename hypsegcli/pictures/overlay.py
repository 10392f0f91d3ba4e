"""A photograph under its classes, with a legend."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hypsegcli.files.words import as_label
from hypsegcli.pictures.letters import legible
from hypsegcli.pictures.palette import RGB, legend_order
from hypsegcli.pictures.panel import FAINT, INK, PAPER, beside, panel_font

_OPACITY = 0.55  # of the classes over the photograph
_ROWS = 12  # of a legend before it starts another column, even beside a lower picture
_LETTERS = 40  # of a name, so that the legend does not outgrow the picture


def overlay(
    photograph: RGB, labels: NDArray[np.integer], palette: RGB, names: Sequence[str], *, background: int | None = None
) -> RGB:
    """The photograph under its classes, label edges drawn, and a legend with each class's share of the picture.

    `labels` (H, W) index both `palette` (N, 3) and `names`. Pixels of the label `background` show the photograph as
    it is, and the legend lists it last. The result is as high as the photograph (legends of pictures under 240 pixels
    may make it higher) and wider by the legend.
    """
    tinted = cv2.addWeighted(palette[labels], _OPACITY, photograph, 1.0 - _OPACITY, 0.0)
    if background is not None:
        np.copyto(tinted, photograph, where=(labels == background)[..., None])
    edges = np.zeros(labels.shape, dtype=bool)
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edges[1:] |= labels[1:] != labels[:-1]
    tinted[edges] = palette[labels[edges]]
    counts = np.bincount(labels.ravel(), minlength=len(names))
    order = legend_order(counts, background)
    shares = 100.0 * counts / labels.size
    rows = [
        (
            palette[node],
            as_label(legible(names[node], int(node)), _LETTERS),
            f"{shares[node]:.1f} %" if shares[node] >= 0.05 else "< 0.1 %",
        )
        for node in order
    ]
    return beside(np.asarray(tinted, dtype=np.uint8), _legend(rows, labels.shape[0]))


def _legend(rows: Sequence[tuple[NDArray[np.uint8], str, str]], height: int) -> RGB:
    font, size = panel_font(height)
    line, pad = round(1.6 * size), size
    gap = 2 * pad  # between a column's shares and the next column's colours
    column_rows = max(_ROWS, (height - 2 * pad) // line)
    columns = [rows[start : start + column_rows] for start in range(0, len(rows), column_rows)]
    share_width = round(font.getlength("100.0 %"))
    widths = [
        2 * size + max(round(font.getlength(name)) for _, name, _ in column) + size + share_width + gap
        for column in columns
    ]
    used = 2 * pad + line * min(column_rows, len(rows))
    canvas = Image.new("RGB", (2 * pad + sum(widths) - gap, max(height, used)), PAPER)
    draw = ImageDraw.Draw(canvas)
    left = pad
    for column, width in zip(columns, widths, strict=True):
        for number, (color, name, share) in enumerate(column):
            top = pad + number * line
            fill = (int(color[0]), int(color[1]), int(color[2]))
            draw.rectangle((left, top + 1, left + size, top + 1 + size), fill=fill, outline=FAINT)
            draw.text((left + 2 * size, top), name, fill=INK, font=font)
            draw.text((left + width - gap, top), share, fill=FAINT, font=font, anchor="ra")
        left += width
    return np.asarray(canvas, dtype=np.uint8)
