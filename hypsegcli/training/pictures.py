"""What validation looks like: a picture an epoch, so that one sees a run learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hypsegcli.files.atomic import write_atomically
from hypsegcli.images.png import encode_rgb_png
from hypsegcli.pictures.palette import RGB

_GAP = 4
_WHITE = 255


def write_pictures(out: Path, epoch: int, strips: Sequence[RGB]) -> None:
    """Write `pictures/epoch-0010.png`: the strips below each other, or nothing where there are none."""
    if strips:
        write_atomically(out / "pictures" / f"epoch-{epoch:04}.png", encode_rgb_png(stack(strips)))


def stack(strips: Sequence[RGB]) -> RGB:
    """Pictures of any widths below each other, on white."""
    width = max(strip.shape[1] for strip in strips)
    rows = []
    for strip in strips:
        row = np.full((strip.shape[0] + _GAP, width, 3), _WHITE, np.uint8)
        row[: strip.shape[0], : strip.shape[1]] = strip
        rows.append(row)
    return np.concatenate(rows)[:-_GAP]
