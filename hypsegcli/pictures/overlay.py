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
_ROWS = 12  # of a legend, for which a lower picture gets one higher than itself
_LETTERS = 40  # of a name, so that the legend does not outgrow the picture


def overlay(
    photograph: RGB,
    labels: NDArray[np.integer],
    palette: RGB,
    names: Sequence[str],
    *,
    background: int | None = None,
    legend: bool = True,
    valid: NDArray[np.bool_] | None = None,
) -> RGB:
    """The photograph under its classes, label edges drawn, and a legend with each class's share of the picture.

    `labels` (H, W) index both `palette` (N, 3) and `names`. Pixels of the label `background` show the photograph as
    it is, and the legend lists it last; so do pixels that are not `valid`, whose labels mean nothing, and shares are of
    the others. The result is as high as the photograph (legends of pictures under 240 pixels
    may make it higher) and wider by the legend, whose size depends on `names` and on the photograph's height alone:
    overlays of photographs of one size have one size. What it has no row for, its last row sums up.
    """
    if valid is not None:
        labels = np.where(valid, labels, 0)
    tinted = cv2.addWeighted(palette[labels], _OPACITY, photograph, 1.0 - _OPACITY, 0.0)
    if background is not None:
        np.copyto(tinted, photograph, where=(labels == background)[..., None])
    edges = np.zeros(labels.shape, dtype=bool)
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edges[1:] |= labels[1:] != labels[:-1]
    tinted[edges] = palette[labels[edges]]
    if valid is not None:
        np.copyto(tinted, photograph, where=~valid[..., None])
    shown = np.asarray(tinted, dtype=np.uint8)
    if not legend:
        return shown
    shares = labels.ravel() if valid is None else labels[valid]
    counts = np.bincount(shares, minlength=len(names))
    words = [as_label(legible(name, number), _LETTERS) for number, name in enumerate(names)]
    rows = [
        (palette[node], words[node], 100.0 * counts[node] / shares.size) for node in legend_order(counts, background)
    ]
    return beside(shown, _legend(rows, words, labels.shape[0]))


def _legend(rows: Sequence[tuple[NDArray[np.uint8], str, float]], words: Sequence[str], height: int) -> RGB:
    """Colours, names and shares in percent; `words` are all the names that there may be in any picture."""
    font, size = panel_font(height)
    line, pad = round(1.6 * size), size
    most = min(len(words), max(_ROWS, (height - 2 * pad) // line))
    if len(rows) > most:
        rest = rows[most - 1 :]
        paper = np.array(PAPER, np.uint8)
        rows = [*rows[: most - 1], (paper, f"{len(rest)} more", sum(share for _, _, share in rest))]
    widest = max(font.getlength(name) for name in (*words, f"{len(words)} more"))
    width = 2 * pad + 3 * size + round(widest) + round(font.getlength("100.0 %"))
    # Most codecs of films want even sides.
    canvas = Image.new("RGB", (width + width % 2, max(height, 2 * pad + line * most)), PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, (color, name, share) in enumerate(rows):
        top = pad + number * line
        fill = (int(color[0]), int(color[1]), int(color[2]))
        draw.rectangle((pad, top + 1, pad + size, top + 1 + size), fill=fill, outline=FAINT)
        draw.text((pad + 2 * size, top), name, fill=INK, font=font)
        percent = f"{share:.1f} %" if share >= 0.05 else "< 0.1 %"
        draw.text((width - pad, top), percent, fill=FAINT, font=font, anchor="ra")
    return np.asarray(canvas, dtype=np.uint8)
