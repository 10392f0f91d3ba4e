"""Class colours: read from a file, or made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypsegcli.checkpoint.format import Color
from hypsegcli.errors import TreeError
from hypsegcli.pictures.palette import spread_colors


def read_colors(path: Path | None, names: Sequence[str], *, background: int | None = None) -> tuple[Color, ...]:
    """(K,) RGB colours from lines of `name:#rrggbb`; invented where there is no file, grey for the background."""
    if path is None:
        return spread_colors(len(names), background=background)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TreeError(f"{path}: cannot read the colours: {error}") from error
    colors: dict[str, Color] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, _, color = line.rpartition(":")
        digits = color.strip().removeprefix("#")
        try:
            red, green, blue = bytes.fromhex(digits)
        except ValueError as error:
            raise TreeError(f"{path}, line {number}: expected 'name:#rrggbb', found '{line.strip()}'") from error
        if name.strip() in colors:
            raise TreeError(f"{path}, line {number}: '{name.strip()}' is given a colour a second time")
        colors[name.strip()] = (red, green, blue)
    if missing := [name for name in names if name not in colors]:
        raise TreeError(f"{path}: no colour for {', '.join(missing)}")
    return tuple(colors[name] for name in names)
