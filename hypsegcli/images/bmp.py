"""BMPs whose palette is black and white, or a ramp of greys, which Pillow reads as if they had none.

It then takes two colours for one bit a pixel and more for eight, whatever the file has. [MS-WMF], 2.2.2.3, for the
header.
"""

from __future__ import annotations

import struct
from io import BytesIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile

_FILE_HEADER, _CORE = 14, 12  # bytes of what only a BMP begins with, and of the header with sides of 16 bits
_TAKEN_FOR = {"1": 1, "L": 8}  # bits a pixel, by the mode that Pillow makes of a palette of greys


def with_its_palette(image: Image.Image, data: bytes) -> Image.Image:
    """A BMP that is not loaded as what it is, indices and their palette; any other image itself.

    `data` is the file that `image` was opened from.
    """
    if not isinstance(image, BmpImageFile):
        return image
    start = _FILE_HEADER if image.format == "BMP" else 0
    size: int = struct.unpack_from("<I", data, start)[0]
    bits: int = struct.unpack_from("<H", data, start + (10 if size == _CORE else 14))[0]
    if bits > 8 or bits == _TAKEN_FOR.get(image.mode, bits):
        return image
    # A first colour that is not quite black is no grey: Pillow then keeps the palette, where it is made black again.
    blue = start + size
    image = type(image)(BytesIO(data[:blue] + b"\1" + data[blue + 1 :]))
    palette = image.getpalette() or []
    image.putpalette([*palette[:2], 0, *palette[3:]])
    return image
