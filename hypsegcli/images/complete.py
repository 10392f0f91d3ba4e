"""Pictures that are not whole, though a decoder makes one of them without a word; each format in its own way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from hypsegcli.errors import ImageError
from hypsegcli.images.jpeg2000_check import check_jpeg2000
from hypsegcli.images.jpeg_check import check_jpeg
from hypsegcli.images.png_check import check_sums
from hypsegcli.images.tiff_check import check_tiff

_WITHOUT_SUMS, _TAIL = ("AVIF", "HEIF", "WEBP"), 512  # formats whose decoders read zeros; bytes that none end in


def check_complete(path: Path | str, image: Image.Image, data: bytes) -> None:
    """Raise ImageError for one that is not whole, or of a kind that is read wrongly; before it is loaded.

    `data` is the file that `image` was opened from.
    """
    kind = image.format
    if kind in ("JPEG", "MPO"):
        check_jpeg(path, data[getattr(image, "offset", 0) :])  # of the frame that it shows
    elif kind == "PNG":
        check_sums(path, data)
    elif kind in _WITHOUT_SUMS and not data[-_TAIL:].strip(b"\0"):
        raise ImageError(f"{path}: the picture is truncated (its end is zeros); replace the file", "truncated")
    elif kind == "JPEG2000":
        check_jpeg2000(path, data, image.mode)
    elif kind == "PPM":
        _check_largest(path, image, data)
    elif isinstance(image, TiffImageFile):
        check_tiff(path, image, data)


def _check_largest(path: Path | str, image: Image.Image, data: bytes) -> None:
    """ImageError for a PNM with samples above the largest that its header names, which Pillow cuts off."""
    tile = getattr(image, "tile", None) or [None]
    if tile[0] is None or tile[0].codec_name != "ppm":
        return  # the decoder of text refuses them, and the others' header names the largest of all
    largest = int(tile[0].args[1])
    kind = np.dtype(np.uint8 if largest < 256 else ">u2")
    wanted = image.width * image.height * len(image.getbands())
    body = data[tile[0].offset :][: wanted * kind.itemsize]
    samples = np.frombuffer(body, kind, count=len(body) // kind.itemsize)
    if samples.size and (found := int(samples.max())) > largest:
        raise ImageError(
            f"{path}: the picture is damaged (a value of {found}, and the header says that {largest} is the largest); "
            "correct the header or replace the file",
            "damaged",
        )
