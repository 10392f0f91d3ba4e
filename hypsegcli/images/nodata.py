"""Which pixels of a picture are no measurements: they have no answer, whatever the network says of them.

GDAL's tag GDAL_NODATA names a value, as text; a TIFF may have a mask, a picture of its own (TIFF 6.0, bit 2 of
NewSubfileType), and where a GeoTIFF has alpha, what it hides is what was never photographed. Of a picture in colour all
of a pixel's colours have to have the value, as GDAL's own mask of a data set has it.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from hypsegcli.images.tiff_directories import MASK, PHOTOMETRIC, SUBFILE, Directory

Valid = NDArray[np.bool_]  # (H, W) of the upright picture: False where there is no measurement

NOTE = "pixels without data are void in its maps"
_NODATA = 42113  # GDAL's
_TRANSPARENCY_MASK, _BLACK_IS_ZERO = 4, 1  # of PhotometricInterpretation
_DEEP = {";16L": ";16B", ";16B": ";16L", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}  # the other bytes
_COLORS = {"RGBA": 3, "RGBa": 3, "RGBX": 3, "LA": 1, "La": 1, "PA": 1}  # of modes with more than that
_WHOLE = ("L", "P", "RGB", "CMYK", "I", "I;16", "I;16L", "I;16B", "I;16N", *_COLORS)


def declared_nodata(value_of: Callable[[int], object]) -> int | None:
    """The value that stands for no measurement, of a function that gives a TIFF's tags or None.

    None where none is named, or none that a whole number can be.
    """
    text = value_of(_NODATA)
    try:
        value = float(text.strip("\0 ")) if isinstance(text, str) else None
    except ValueError:
        return None
    return int(value) if value is not None and value.is_integer() else None


def differs(samples: NDArray[Any], nodata: int) -> Valid:
    """(H, W) whether any of the samples (H, W) or (H, W, C) of a pixel is another than the value."""
    other: Valid = np.not_equal(samples, nodata)
    return other if samples.ndim == 2 else np.asarray(other.any(axis=2), np.bool_)


def valid_samples(image: Image.Image, nodata: int, *, bits: int, low: Image.Image | None, inverted: bool) -> Valid:
    """What `differs` says of a loaded picture, whose samples Pillow may have changed.

    `bits` a sample are stored; `low` has the lower bytes of colours of 16 bits, of which Pillow keeps the higher ones;
    grey of 8 bits is `inverted` where zero is white. All are valid where the samples as stored are not known.
    """
    is_halved = bits == 16 and not image.mode.startswith("I") and low is None
    if image.mode not in (*_WHOLE, "YCbCr") or bits not in (8, 16, 32) or is_halved:
        return np.ones((image.height, image.width), np.bool_)
    samples = np.asarray(image.convert("RGB") if image.mode == "YCbCr" else image)
    samples = samples[..., : _COLORS[image.mode]] if image.mode in _COLORS else samples
    if inverted and image.mode in ("L", "LA"):
        samples = 255 - samples
    if low is not None:
        lower = np.asarray(low)[..., : samples.shape[2]] if samples.ndim == 3 else np.asarray(low)
        samples = samples.astype(np.uint16) << 8 | lower
    return differs(samples, nodata)


def lower_bytes(image: TiffImageFile, data: bytes) -> Image.Image | None:
    """The lower bytes of colours of 16 bits, as Pillow would show the higher ones; None of any other picture.

    `image` is not loaded yet, `data` is its file.
    """
    modes = [str(tile.args[0]) for tile in image.tile if isinstance(tile.args, tuple)]
    endings = {mode[-4:] for mode in modes}
    if image.mode.startswith("I") or not endings or not endings <= _DEEP.keys():
        return None
    again = TiffImageFile(BytesIO(data))
    again.seek(image.tell())
    again.tile = [
        tile._replace(args=(mode[:-4] + _DEEP[mode[-4:]], *tile.args[1:])) if isinstance(tile.args, tuple) else tile
        for tile, mode in zip(image.tile, modes, strict=True)
    ]
    again.load()
    return again


def with_readable_masks(data: bytes, directories: Iterable[Directory]) -> bytes:
    """A TIFF whose masks are called grey pictures: of the kind that they say they are Pillow knows nothing."""
    changed: bytearray | None = None
    for directory in directories:
        if directory.numbers.get(SUBFILE, 0) & MASK and directory.numbers.get(PHOTOMETRIC) == _TRANSPARENCY_MASK:
            changed = bytearray(data) if changed is None else changed
            at, kind = directory.places[PHOTOMETRIC]
            struct.pack_into(kind, changed, at, _BLACK_IS_ZERO)
    return data if changed is None else bytes(changed)


def find_mask(directories: list[Directory], picture: int) -> int | None:
    """The directory of the mask of a picture, which is one too; None where there is none."""
    behind = directories[picture + 1 :]
    for directory in behind:
        if directory.is_whole:
            return None
        if directory.is_mask and directory.size == directories[picture].size:
            return directory.index
    return None


def mask_pixels(data: bytes, directory: int) -> Valid:
    """A mask, as stored, of a TIFF whose masks are readable: True inside."""
    image = TiffImageFile(BytesIO(data))
    image.seek(directory)
    image.load()
    return np.asarray(np.asarray(image) != 0, np.bool_)


def all_valid(*masks: Valid | None) -> Valid | None:
    """The pixels that every mask calls valid; None where there is no mask."""
    found = [mask for mask in masks if mask is not None]
    return np.asarray(np.logical_and.reduce(found), np.bool_) if found else None
