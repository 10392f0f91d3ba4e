"""How a picture has to be turned to be upright: as EXIF says, or XMP in a file whose EXIF says nothing.

EXIF 2.32, tag 274, which is a field of every TIFF too; XMP part 2 (Adobe, 2016), its copy in the namespace tiff.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image

ORIENTATION = 274
_XMP_FIELD, _XMP_KEYS = 700, ("xmp", "XML:com.adobe.xmp")  # of a TIFF, of Pillow's info
_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')  # as Pillow looks for it
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Orientation(NamedTuple):
    """From 1, upright, to 8, of the pixels as stored, and what says so."""

    number: int = 1
    source: str = "EXIF"

    def note(self) -> str | None:
        """What is to be said of a picture that was turned; None of one that was not."""
        return None if self.number == 1 else f"turned upright ({self.source} orientation {self.number})"

    def apply(self, image: Image.Image) -> Image.Image:
        """A picture as stored turned upright."""
        return image if self.number == 1 else image.transpose(_TRANSPOSE[self.number])


def tiff_orientation(value_of: Callable[[int], object]) -> Orientation | None:
    """That of a picture in a TIFF, of a function that gives its tags or None; None where it says nothing."""
    if (number := value_of(ORIENTATION)) is not None:
        return _known(number, "EXIF")
    xmp = value_of(_XMP_FIELD)
    if isinstance(xmp, tuple) and len(xmp) == 1:
        xmp = xmp[0]
    found = _IN_XMP.search(xmp) if isinstance(xmp, bytes) else None
    return _known(int(found[1]), "XMP") if found else None


def read_orientation(image: Image.Image) -> Orientation:
    """That of any other picture, which is loaded: a PNG may keep it behind the pixels.

    Raises what Pillow does where the data are damaged.
    """
    without = Image.Image()
    without.info = {key: value for key, value in image.info.items() if key not in _XMP_KEYS}
    source = "EXIF" if ORIENTATION in without.getexif() else "XMP"
    if source == "XMP" and image.format == "AVIF":  # which says it itself, and Pillow puts that into EXIF
        return Orientation()
    return _known(int(image.getexif().get(ORIENTATION, 1)), source)


def _known(number: object, source: str) -> Orientation:
    """Numbers that mean nothing are upright."""
    return next((Orientation(turn, source) for turn in _TRANSPOSE if turn == number), Orientation())
