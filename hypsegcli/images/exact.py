"""Whether a picture's samples are, one by one, those that somebody drew: masks are ids only where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from hypsegcli.files.regular import open_regular
from hypsegcli.images.open_image import Opened

_LOSSY = ("JPEG", "MPO")
_EITHER = ("JPEG2000", "AVIF", "HEIF")  # lossless at times, and nothing that Pillow tells says when
_IN_TIFF = {"tiff_jpeg": "JPEG", "jpeg": "JPEG", "webp": "WebP"}  # by Pillow's names: 6, 7 and 50001
_FEWER_BITS = ("BGR;15", "BGR;16")  # of 5 or 6 bits, stretched to 8


def inexact(path: Path, opened: Opened, *, of: str, form: str) -> str | None:
    """Why a picture's samples need not be those that were drawn, and what to do; None where they are.

    `opened` is what was read of `path`; a mask `of` ids or colours is best saved in a `form`, such as "a PNG". Raises
    OSError where the file cannot be read again.
    """
    if reason := _lossy(path, opened):
        return (
            f"{reason}, so the {of} are not certain; save what it was made from as {form}: to save this file anew "
            "brings nothing back"
        )
    if opened.bands > len(opened.image.getbands()):
        return (
            f"it holds {opened.bands} bands, and nothing says which of them the {of} are; where one band has them, "
            f"save that one as {form}"
        )
    if opened.rawmode in _FEWER_BITS:
        return f"its samples of 5 or 6 bits are read as other ones of 8, so the {of} are lost; save it as {form}"
    if not opened.image.mode.startswith("I") and (";16" in opened.rawmode or (opened.maxval or 0) > 255):
        return f"its channels of more than 8 bits are read with 8, so the {of} are lost; save it as {form}"
    return None


def one_channel(image: Image.Image) -> Image.Image:
    """One of three equal channels, as OpenCV writes grey; any other picture itself."""
    if image.mode not in ("RGB", "RGBA") or (image.mode == "RGBA" and image.getchannel("A").getextrema()[0] != 255):
        return image
    red, green, blue = (np.asarray(image.getchannel(name)) for name in "RGB")
    return image.getchannel("R") if (red == green).all() and (red == blue).all() else image


def _lossy(path: Path, opened: Opened) -> str | None:
    kind, image = opened.format, opened.image
    if kind in _LOSSY:
        return f"{kind} does not keep exact values"
    if kind in _EITHER:
        return f"{kind} need not keep exact values, and does not say where it did"
    if kind == "WEBP" and not _is_lossless_webp(path):
        return "this WebP is a lossy one, which does not keep exact values"
    compression = image.info.get("compression") if kind == "TIFF" else None
    if compression in _IN_TIFF:
        return f"this TIFF is compressed as {_IN_TIFF[compression]}, which need not keep exact values"
    return None


def _is_lossless_webp(path: Path) -> bool:
    """Whether the (first) picture in a WebP is of its lossless kind, by the container's chunks."""
    with open_regular(path) as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if name in (b"VP8L", b"VP8 "):
                return name == b"VP8L"
            # A frame of an animation holds chunks of its own, behind 16 bytes.
            file.seek(16 if name == b"ANMF" else size + size % 2, 1)
    return False
