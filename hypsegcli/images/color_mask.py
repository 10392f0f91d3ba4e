"""Masks in colour: what colour every pixel has, exactly."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import ImageError
from hypsegcli.images.beside_pixels import open_palette
from hypsegcli.images.exact import inexact
from hypsegcli.images.nodata import Valid
from hypsegcli.images.open_image import Opened, open_upright, take_upright
from hypsegcli.images.picture_file import image_errors

_FORM = "a PNG of 8-bit RGB"


def decode_mask_colors(path: Path) -> NDArray[np.uint32]:
    """The colours of a mask; see `decode_colors_with_valid`."""
    return decode_colors_with_valid(path)[0]


def decode_colors_with_valid(path: Path) -> tuple[NDArray[np.uint32], Valid | None]:
    """The colours of a mask, (H, W), as 65536 R + 256 G + B, and where the file says that it has data, or None.

    Of an indexed picture they are those of its palette.
    Upright as a picture is. Raises ImageError where colours are not kept exactly (a lossy format, more than 8 bits a
    sample, transparency), and for several frames.
    """
    opened = open_upright(path)
    with image_errors(path):
        if reason := inexact(path, opened, of="colours", form=_FORM):
            raise ImageError(f"{path}: {reason}", "unsupported")
    return _pack(path, opened), opened.valid


def decode_png_colors(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint32]:
    """As decode_mask_colors, of a PNG in memory that messages call `name`."""
    with image_errors(name):
        image = Image.open(BytesIO(data), formats=("PNG",))
    return _pack(name, take_upright(image, name, max_pixels=max_pixels))


def _pack(path: Path | str, opened: Opened) -> NDArray[np.uint32]:
    advice = f"save it as {_FORM}"
    with image_errors(path):
        image = opened.image
        if image.mode not in ("RGB", "RGBA", "P", "L", "1"):
            raise ImageError(
                f"{path}: colours of a mask are of 8 bits a sample, these are {image.mode}; {advice}", "unsupported"
            )
        if opened.frames > 1:
            raise ImageError(f"{path}: the mask holds {opened.frames} frames; one is needed; {advice}", "unsupported")
        if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] != 255:
            raise ImageError(
                f"{path}: pixels of this mask are transparent, so they have no colour; {advice}", "unsupported"
            )
        rgb = np.asarray(image.convert("RGB"), dtype=np.uint32)
        packed = (rgb[:, :, 0] << 16) | (rgb[:, :, 1] << 8) | rgb[:, :, 2]
        return packed.astype(np.uint32, copy=False)


def read_palette(path: Path) -> NDArray[np.uint8] | None:
    """The colours of an indexed picture, (N, 3) RGB, without a look at its pixels; None of any other picture.

    Raises ImageError where that cannot be said.
    """
    palette = open_palette(path)
    return None if palette is None else np.frombuffer(palette, np.uint8).reshape(-1, 3)
