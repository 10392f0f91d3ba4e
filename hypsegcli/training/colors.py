"""Class colours: read from a file, or made up so that neighbours in the list differ."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path

from hypsegcli.checkpoint.format import Color
from hypsegcli.errors import TreeError

_GOLDEN = 0.618033988749895  # steps of the golden ratio around the hue circle never come close to each other


def read_colors(path: Path | None, names: Sequence[str]) -> tuple[Color, ...]:
    """(K,) RGB colours from lines of `name:#rrggbb`; invented where there is no file."""
    if path is None:
        return tuple(_invented(index) for index in range(len(names)))
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TreeError(f"{path}: cannot read the colours: {error}") from error
    found: dict[str, Color] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, _, color = line.rpartition(":")
        digits = color.strip().removeprefix("#")
        try:
            red, green, blue = bytes.fromhex(digits)
        except ValueError as error:
            raise TreeError(f"{path}, line {number}: expected 'name:#rrggbb', found '{line.strip()}'") from error
        if name.strip() in found:
            raise TreeError(f"{path}, line {number}: '{name.strip()}' is given a colour a second time")
        found[name.strip()] = (red, green, blue)
    if missing := [name for name in names if name not in found]:
        raise TreeError(f"{path}: no colour for {', '.join(missing)}")
    return tuple(found[name] for name in names)


def _invented(index: int) -> Color:
    value = (0.95, 0.7, 0.85)[index % 3]
    red, green, blue = colorsys.hsv_to_rgb((index * _GOLDEN) % 1.0, 0.65, value)
    return round(255 * red), round(255 * green), round(255 * blue)
