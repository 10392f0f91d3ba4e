"""What the Poincaré disk of images shows, beside it: the photograph, the classes with their shares, and a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import as_label
from hypsegcli.pictures.drawing.figure import FAINT, INK, Circle, Color, Mark, Picture, Text, segment

# Of geodesics, which the key repeats: width of a class's and of an inner node's, stroke and gap, length of a tick.
LINE, THIN, DASH, TICK = 2.2, 1.5, (9.0, 5.0), 10.0
DOT = 6.0  # radius of a prototype
RING: Color = (200, 200, 200)
MARGIN = 30.0  # around the figure

_PHOTOGRAPH = 560.0  # longest side, which is the width of the column
_NARROW = 320.0  # of the column without a photograph
_LETTER, _ROW = 18.0, 27.0
_SAMPLE = 44.0  # room of a sample in the key
_SWATCH = 30.0  # and of a colour in the legend


def legend(
    photograph: NDArray[np.uint8] | None,
    shares: Sequence[tuple[str, Color, float]],
    *,
    inner_nodes: bool,
    prototypes: bool,
    height: float,
) -> tuple[float, list[Mark]]:
    """Width and marks of a column that begins at the figure's upper left corner.

    `photograph` is (H, W, 3) RGB. `shares` are name, colour and share in [0, 1] of classes, in the order in which
    they are listed; where there is no room for all, the last row sums up the others. The key is to `inner_nodes` beside
    classes, or to `prototypes` in the place of geodesics.
    """
    marks: list[Mark] = []
    width, top = _NARROW, MARGIN
    if photograph is not None:
        width = _PHOTOGRAPH
        high, wide = photograph.shape[:2]
        share = _PHOTOGRAPH / max(high, wide)
        marks.append(Picture(MARGIN, top, wide * share, high * share, photograph))
        top += high * share + _ROW
    bottom = height - MARGIN - _ROW * (3 if inner_nodes else 2)
    marks += _key(bottom, inner_nodes=inner_nodes, prototypes=prototypes)
    rows = int((bottom - _ROW - top) / _ROW)
    columns = 2 if photograph is not None and len(shares) > rows else 1
    if len(shares) > rows * columns:
        rest = shares[rows * columns - 1 :]
        more = (f"{len(rest)} more", RING, sum(share for _, _, share in rest))
        shares = [*shares[: rows * columns - 1], more]
    wide = (width - (columns - 1) * _ROW) / columns
    for index, (name, color, share) in enumerate(shares):
        left, y = MARGIN + index // rows * (wide + _ROW), top + (index % rows + 0.7) * _ROW
        marks += _row(left, y, wide, as_label(name, 16 if columns > 1 else 24), color, share)
    return MARGIN + width, marks


def _row(left: float, y: float, width: float, name: str, color: Color, share: float) -> Iterator[Mark]:
    yield Circle(left + 8.0, y - 0.35 * _LETTER, 8.0, fill=color)
    yield Text(left + _SWATCH, y, name, _LETTER, INK)
    words = f"{100 * share:.1f} %" if share >= 5e-4 else "< 0.1 %"
    yield Text(left + width, y, words, _LETTER, FAINT, "end")


def _key(top: float, *, inner_nodes: bool, prototypes: bool) -> Iterator[Mark]:
    y = top + 0.7 * _ROW
    middle = y - 0.35 * _LETTER
    if prototypes:
        yield Circle(MARGIN + 17.0, middle, DOT, fill=RING, stroke=INK, width=1.6)
    else:
        yield segment((MARGIN, middle), (MARGIN + 34.0, middle), FAINT, LINE)
        yield segment((MARGIN + 17.0, middle), (MARGIN + 17.0, middle - TICK), FAINT, LINE)
    words = "prototype of a class" if prototypes else "class: logit 0, tick where positive"
    yield Text(MARGIN + _SAMPLE, y, words, _LETTER, FAINT)
    if inner_nodes:
        y, middle = y + _ROW, middle + _ROW
        yield segment((MARGIN, middle), (MARGIN + 34.0, middle), FAINT, THIN, DASH)
        yield Text(MARGIN + _SAMPLE, y, "inner node of the class tree", _LETTER, FAINT)
    y, middle = y + _ROW, middle + _ROW
    yield Circle(MARGIN + 17.0, middle, 0.4 * _ROW, stroke=RING, width=1.2)
    yield Text(MARGIN + 17.0, y, "d", _LETTER - 2.0, INK, "middle")
    yield Text(MARGIN + _SAMPLE, y, "distance to the origin", _LETTER, FAINT)
