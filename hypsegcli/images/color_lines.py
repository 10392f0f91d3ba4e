"""Lines that say which colour is called how, as people and other tools write them."""

from __future__ import annotations

import re

from hypsegcli.errors import TreeError
from hypsegcli.files.text import composed

Color = tuple[int, int, int]

_NUMBERS = r"[0-9]{1,3}(?:\s*,\s*|\s+)[0-9]{1,3}(?:\s*,\s*|\s+)[0-9]{1,3}"
_NAME_FIRST = re.compile(rf"(?P<name>.+?)\s*:\s*(?P<color>#?[0-9a-fA-F]{{6}}|{_NUMBERS})\s*(?::[^:]*:[^:]*)?")
_COLOR_FIRST = re.compile(rf"(?P<color>{_NUMBERS})\s+(?P<name>\S.*)")


def parse_color_lines(text: str, origin: object) -> list[tuple[int, str, Color]]:
    """Number of the line, name and colour of every line of a text, which `origin` names in messages.

    Lines are `name:#rrggbb`, `name: r g b`, `name:r,g,b::` as in CVAT's labelmap.txt, or `r g b name` as in CamVid's
    label_colors.txt; those that begin with # are comments. Raises TreeError for any other line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _NAME_FIRST.fullmatch(stripped) or _COLOR_FIRST.fullmatch(stripped)
        color = _color(match["color"]) if match else None
        if match is None or color is None:
            raise TreeError(
                f"{origin}, line {number}: expected 'name:#rrggbb' or 'name: r g b', found '{stripped[:60]}'"
            )
        found.append((number, composed(match["name"].strip()), color))
    return found


def _color(text: str) -> Color | None:
    numbers = re.split(r"[,\s]+", text)
    if len(numbers) == 1:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
        return red, green, blue
    red, green, blue = map(int, numbers)
    return (red, green, blue) if max(red, green, blue) < 256 else None
