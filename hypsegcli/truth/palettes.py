"""Palettes of masks that contradict each other, as after their colours were reduced file by file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting

Color = tuple[int, ...]


def colors_of(palette: NDArray[np.uint8] | None, values: NDArray[Any]) -> dict[Color, int]:
    """The id that each colour of a mask stands for, of the ids `values` (H, W) as stored; none without a palette.

    `palette` is (N, 3) RGB. A colour of several ids tells none of them.
    """
    if palette is None:
        return {}
    found: dict[Color, list[int]] = {}
    for index in np.unique(values).tolist():
        if 0 <= index < len(palette):
            found.setdefault(tuple(palette[index].tolist()), []).append(index)
    return {color: ids[0] for color, ids in found.items() if len(ids) == 1}


class Palettes:
    """What colours stand for, file after file."""

    def __init__(self) -> None:
        self._first: dict[Color, tuple[int, Path]] = {}
        self._contradiction: str | None = None

    def add(self, path: Path, colors: Mapping[Color, int]) -> None:
        """One more mask, see colors_of."""
        for color, index in colors.items():
            first, where = self._first.setdefault(color, (index, path))
            if first != index and self._contradiction is None:
                red, green, blue = color
                name = f"#{red:02x}{green:02x}{blue:02x}"
                self._contradiction = f"{name} is the id {first} in {where} and {index} in {path}"

    def doubt(self, kind: str, *, colors: str | None) -> str | None:
        """What to say, if anything; `kind` is what the files are called, `colors` the setting that reads colours."""
        if self._contradiction is None:
            return None
        cure = f"; if the colours are what counts, name them in a file for {setting(colors)}" if colors else ""
        return (
            f"the palettes of the {kind} differ: {self._contradiction}; ids may mean other classes from file to file, "
            f"as after their colours were reduced one by one{cure}"
        )
