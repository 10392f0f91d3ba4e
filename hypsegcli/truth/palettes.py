"""Palettes of masks that contradict each other, or their ids, as after their colours were reduced file by file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.truth.diagnose import Wording
from hypsegcli.truth.masks import IdMap

_DARK = 32  # of 255: black, below which all three channels lie

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


def is_light_first(colors: Mapping[Color, int]) -> bool:
    """Whether a mask, see colors_of, is of two colours, of which 1 is black and 0 is not."""
    shown = {index: color for color, index in colors.items()}
    return shown.keys() == {0, 1} and max(shown[1]) < _DARK <= max(shown[0])


class Palettes:
    """What colours stand for, file after file."""

    def __init__(self) -> None:
        self._first: dict[Color, tuple[int, Path]] = {}
        self._contradiction: str | None = None
        self._light_first: list[tuple[Path, str]] = []  # and the colour of 0

    def add(self, path: Path, colors: Mapping[Color, int], *, light_first: bool = False) -> None:
        """One more mask, see colors_of and is_light_first."""
        if light_first:
            self._light_first += [(path, _name(color)) for color, index in colors.items() if index == 0]
        for color, index in colors.items():
            first, where = self._first.setdefault(color, (index, path))
            if first != index and self._contradiction is None:
                self._contradiction = f"{_name(color)} is the id {first} in {where} and {index} in {path}"

    def trouble(
        self,
        ids: Collection[int],
        names: Sequence[str] = (),
        *,
        masks: int,
        ignore_index: int,
        id_map: IdMap | None,
        wording: Wording,
    ) -> str | None:
        """Why 0 and 1 may be exchanged, in a sentence; None where nothing says so, or somebody said what they mean.

        `ids` are those of all `masks` after `id_map`, `names` the classes' names, where they have any.
        """
        told = id_map is not None and any(source in (0, 1) for source, _ in id_map.changes)
        if not self._light_first or told or not {0, 1, ignore_index}.issuperset(ids):
            return None
        path, color = self._light_first[0]
        cure = "save the ids as 8-bit grey without a palette"
        if wording.colors is not None:
            black, light = names[:2] if len(names) > 1 else ("sky", "road")
            cure = (
                f"if the colours are what counts, name them in a file for {setting(wording.colors)}, one line each, "
                f"such as {black}:#000000 and {light}:{color}; if the ids are right, save them as 8-bit grey without a "
                "palette, which Pillow does by Image.fromarray(numpy.array(image))"
            )
        return (
            f"{len(self._light_first)} of {masks} {wording.files} have a palette in which 0 is {color} and 1 is black, "
            f"the first is {path}: the ids may be inverted, for tools that reduce colours, such as Pillow's quantize, "
            f"number light ones before dark ones; {cure}"
        )

    def doubt(self, kind: str, *, colors: str | None) -> str | None:
        """What to say, if anything; `kind` is what the files are called, `colors` the setting that reads colours."""
        if self._contradiction is None:
            return None
        cure = f"; if the colours are what counts, name them in a file for {setting(colors)}" if colors else ""
        return (
            f"the palettes of the {kind} differ: {self._contradiction}; ids may mean other classes from file to file, "
            f"as after their colours were reduced one by one{cure}"
        )


def _name(color: Color) -> str:
    red, green, blue = color
    return f"#{red:02x}{green:02x}{blue:02x}"
