"""Class colours: read from a file, or made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypsegcli.checkpoint.format import Color
from hypsegcli.errors import TreeError
from hypsegcli.pictures.palette import spread_colors
from hypsegcli.truth.mask_colors import read_color_lines


def read_colors(path: Path | None, names: Sequence[str], *, background: int | None = None) -> tuple[Color, ...]:
    """(K,) RGB colours from a file (see read_color_lines); invented where there is none, grey for the background."""
    if path is None:
        return spread_colors(len(names), background=background)
    colors: dict[str, Color] = {}
    for number, name, color in read_color_lines(path):
        if name in colors:
            raise TreeError(f"{path}, line {number}: '{name}' is given a colour a second time")
        colors[name] = color
    if missing := [name for name in names if name not in colors]:
        raise TreeError(f"{path}: no colour for {', '.join(missing)}")
    return tuple(colors[name] for name in names)
