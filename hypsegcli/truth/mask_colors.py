"""Masks in colour to class ids, by a file that says which colour is which class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import ColorError, TreeError
from hypsegcli.files.text import UnreadableTextError, composed, read_text
from hypsegcli.files.words import first_of
from hypsegcli.images.color_lines import Color, parse_color_lines
from hypsegcli.images.color_mask import decode_colors_with_valid
from hypsegcli.images.nodata import Valid

VOID = 65535  # in what decode_by_color returns, of colours that are no class's
_NAMED = 8


@dataclass(frozen=True)
class MaskColors:
    """Which colour is which class."""

    origin: str  # the file
    colors: tuple[int, ...]  # 65536 R + 256 G + B, rising
    ids: tuple[int, ...]  # of each, VOID where it is no class's
    notes: tuple[str, ...]  # what names are no classes, and what classes have no colour


def read_color_lines(path: Path) -> list[tuple[int, str, Color]]:
    """Number of the line, name and colour of every line of a file; see parse_color_lines.

    Raises TreeError for a file that cannot be read, or a line that is none.
    """
    try:
        text = read_text(path)
    except UnreadableTextError as error:
        raise TreeError(f"{path}: cannot read the colours ({error})") from error
    return parse_color_lines(text, path)


def read_mask_colors(path: Path, names: Sequence[str]) -> MaskColors:
    """What colours mean, by the names of the classes 0 to K - 1.

    Case counts only where names differ by nothing else, and how Unicode composes an accent never. Several colours may
    be one class; those of names that are no classes are void. Raises TreeError for a colour that means two things, and
    where no name is a class.
    """
    own = [composed(name) for name in names]
    by_name = {name.casefold(): index for index, name in enumerate(own)} | {
        name: index for index, name in enumerate(own)
    }
    meant: dict[int, tuple[int, str]] = {}
    strange: dict[str, None] = {}
    for number, name, (red, green, blue) in read_color_lines(path):
        index = by_name.get(name, by_name.get(name.casefold(), VOID))
        packed = red << 16 | green << 8 | blue
        if meant.setdefault(packed, (index, name))[0] != index:
            earlier = meant[packed][1]
            raise TreeError(
                f"{path}, line {number}: '{name}' has the colour #{packed:06x} that '{earlier}' has already"
            )
        if index == VOID:
            strange[name] = None
    ids = {index for index, _ in meant.values()}
    if not ids - {VOID}:
        found = first_of(list(strange), _NAMED) or "none"
        raise TreeError(f"{path}: no name in it ({found}) is a class; classes are {first_of(list(names), _NAMED)}")
    notes = []
    if strange:
        notes.append(f"{path}: {first_of(list(strange), _NAMED)}: no class is called so, so that its colour is void")
    if lacking := [name for index, name in enumerate(names) if index not in ids]:
        notes.append(f"{path}: has no colour for {first_of(lacking, _NAMED)}")
    ordered = sorted(meant)
    return MaskColors(str(path), tuple(ordered), tuple(meant[color][0] for color in ordered), tuple(notes))


def decode_by_color(path: Path, colors: MaskColors) -> tuple[NDArray[np.uint16], Valid | None]:
    """The class ids of a mask in colour, (H, W), VOID for none, and where the file says that it has data, or None.

    What has no data is VOID where its colour is no class's.
    Raises ColorError for colours that the file does not have, with their pixels, and as decode_mask_colors.
    """
    packed, valid = decode_colors_with_valid(path)
    known = np.asarray(colors.colors, np.uint32)
    places = np.minimum(np.searchsorted(known, packed), len(known) - 1)
    is_strange = known[places] != packed
    measured, strange = packed, packed[is_strange]
    if valid is not None:
        measured, strange = packed[valid], packed[is_strange & valid]
    if strange.size:
        found, pixels = np.unique(strange, return_counts=True)
        order = np.argsort(-pixels, kind="stable")
        listed = first_of([f"#{found[at]:06x} ({pixels[at]} pixels)" for at in order], _NAMED)
        advice = (
            "add them, under any name that is no class where they are void; many colours of few pixels come from "
            "interpolation or a lossy format"
        )
        if all(exchanged(color) in colors.colors for color in np.unique(measured).tolist()):
            advice = (
                "it has them all with red and blue exchanged: the mask looks written in the order blue, green, red, as "
                "OpenCV has it; exchange the two in the masks or in that file"
            )
        raise ColorError(f"{path}: has colours that {colors.origin} has not: {listed}; {advice}", "unsupported")
    ids = np.take(np.asarray(colors.ids, np.uint16), places)
    ids[is_strange] = VOID
    return ids, valid


def exchanged(color: int) -> int:
    """A colour, 65536 R + 256 G + B, with red and blue in each other's place."""
    return (color & 255) << 16 | color & 0xFF00 | color >> 16
