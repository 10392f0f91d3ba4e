"""Names in the letters that pictures can draw: those of the font that comes with Pillow, hardly more than ASCII.

A letter that it lacks would come out as an empty box. Fonts of the system are not looked for: a picture of the same
prediction is the same on every machine.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

_SIZE = 20  # pixels, at which glyphs are told apart
_NO_LETTER = "\uffff"


def legible(name: str, number: int) -> str:
    """The name without marks that cannot be drawn (`Bäume`: `Baume`); what is missing then is a question mark.

    Such a name has its class's number before it, `3: ?x`, and one of which nothing is left is `class 3`.
    """
    name = " ".join(name.split())
    if all(map(_has_glyph, name)):
        return name
    letters = "".join(map(_nearest, name))
    if any(letter.isalnum() for letter in letters):
        return f"{number}: {letters}" if "?" in letters.replace("?", "", name.count("?")) else letters
    return f"class {number}"


@cache
def _nearest(letter: str) -> str:
    """The letter, or letters, that stand for one: itself, its base, what it is folded to, or a question mark."""
    for form in (letter, unicodedata.normalize("NFKD", letter), letter.casefold()):
        if drawn := "".join(each for each in form if _has_glyph(each) and not unicodedata.combining(each)):
            return drawn
    return "" if unicodedata.combining(letter) else "?"


@cache
def _has_glyph(letter: str) -> bool:
    return letter == " " or _glyph(letter) != _glyph(_NO_LETTER)


def _glyph(letter: str) -> tuple[tuple[int, int], bytes]:
    mask = ImageFont.load_default(_SIZE).getmask(letter)
    return mask.size, bytes(mask)
