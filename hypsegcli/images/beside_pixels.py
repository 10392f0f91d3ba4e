"""What a picture carries beside its pixels: texts, and the palette of its indices."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, TiffImagePlugin

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.images.identify import identify
from hypsegcli.images.picture_file import image_errors, read_file
from hypsegcli.images.tiff_kind import palette_of_bytes

_DESCRIPTION = 0x010E


def read_text_chunks(path: Path) -> dict[str, str]:
    """The texts that a picture carries beside its pixels, by key; a TIFF's is called ImageDescription.

    Raises ImageError for a file that is no picture.
    """
    data = read_file(path, max_pixels=MAX_PIXELS)
    with image_errors(path):
        return text_chunks(identify(path, data))


def text_chunks(image: Image.Image) -> dict[str, str]:
    """The same of an image that Pillow has opened."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return {"ImageDescription": str(image.tag_v2.get(_DESCRIPTION, ""))}
    info = image.info
    return {key: str(value) for key, value in info.items() if isinstance(key, str) and isinstance(value, str)}


def open_palette(path: Path) -> bytes | None:
    """The palette of an indexed picture, R, G, B by id; None of any other picture.

    Raises ImageError for a file that is no picture.
    """
    data = read_file(path, max_pixels=MAX_PIXELS)
    with image_errors(path):
        image = identify(path, data)
        if isinstance(image, TiffImagePlugin.TiffImageFile) and (palette := palette_of_bytes(image)):
            return palette
        found = image.getpalette("RGB") if image.mode == "P" else None
        return None if found is None else bytes(found)
