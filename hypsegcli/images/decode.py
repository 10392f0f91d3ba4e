"""Picture files to arrays: photographs to upright RGB, label masks to class ids.

Every Pillow mode is handled by name. `convert("RGB")` alone would turn nearly every 16-bit picture white,
show the hidden colours of transparent pixels, and turn palette indices into colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import ColorError, ImageError
from hypsegcli.files.digest import Digest
from hypsegcli.images.exact import inexact, one_channel
from hypsegcli.images.georeference import Georeference
from hypsegcli.images.icc import ToSrgb
from hypsegcli.images.metadata import no_photograph
from hypsegcli.images.nodata import NOTE, Valid, all_valid, differs
from hypsegcli.images.open_image import Opened, open_upright, take_upright
from hypsegcli.images.picture_file import image_errors

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_OPAQUE = ("1", "L", "P", "RGB", "RGBX")  # unless a colour or palette entry is declared transparent
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_BRIGHT = 0.01  # share of a picture's samples
_QUARTER = 64  # of 256, which 14 bits of 16 do not reach
_CONVERTED = ("CMYK", "YCbCr", "LAB", "HSV")
_LEVELS = {
    "L;2": 3,
    "L;4": 15,
}  # largest stored sample of grey with fewer than 8 bits; Pillow stretches it to 255


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A photograph ready for the network.

    `pixels` is (H, W, 3) uint8 RGB, upright, C-contiguous and writable. `notes` say, one phrase each, what
    was changed on the way from the file, such as "16-bit values divided by 257"; empty for a plain picture.
    `digest` is of the bytes that it was decoded from; None for a picture from memory.
    `georeference` is that of a GeoTIFF. `orientation`, as EXIF numbers them, is that by which it was turned.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]
    digest: Digest | None = None
    georeference: Georeference = ()
    orientation: int = 1
    valid: Valid | None = None  # (H, W) bool, of a TIFF that says where it has no data: False there
    time: float | None = None  # of a frame of a video, in seconds from its beginning, as the container has it


def decode_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Decode the first frame of a picture to upright RGB.

    The orientation that EXIF or XMP names is applied once. Deeper samples are scaled over their whole range, never cut
    off. Transparent pixels are shown on white. Raises ImageError for anything that cannot be decoded completely and
    faithfully, for a map that says that hypseg wrote it, and for more than `max_pixels` pixels.
    """
    return to_pixels(path, open_upright(path, max_pixels=max_pixels))


def decode_pillow(image: Image.Image, name: str, *, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Turn a Pillow image to upright RGB as `decode_image` does a file; in errors it is called `name`."""
    return to_pixels(name, take_upright(image, name, max_pixels=max_pixels))


def to_pixels(path: Path | str, opened: Opened) -> DecodedImage:
    """What `decode_image` makes of a picture that is open; it calls it `path`."""
    if opened.own_map is not None:
        raise no_photograph(path, opened.own_map)
    notes = list(opened.notes)
    with image_errors(path):
        mode = opened.image.mode
        if opened.signed or opened.rawmode.startswith(("I;16S", "I;16BS")):
            bits = 8 if opened.signed else 16
            raise ImageError(
                f"{path}: the samples have {bits} bits and a sign, whose range is unknown; save it without one",
                "unsupported",
            )
        if mode in _SIXTEEN_BIT or mode == "I":
            grey = _grey_from_deep(path, opened, notes)
            if colors := _profile(opened, "L", notes):
                pixels = np.array(colors.apply(Image.fromarray(grey)))
            else:
                pixels = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        elif mode in _OPAQUE or mode in _ALPHA or mode in _CONVERTED:
            pixels = np.array(_to_srgb(opened, notes), dtype=np.uint8)
            if _is_deep(opened) and (note := dark_note(count_bright(pixels, bits=8), pixels.size, int(pixels.max()))):
                notes.append(note)
        elif mode == "F":
            raise ImageError(
                f"{path}: the picture holds floating-point values, whose range is unknown; save it with 8 or "
                "16 bits a sample",
                "unsupported",
            )
        else:
            raise ImageError(f"{path}: pictures of mode {mode} are not supported; save it as 8-bit RGB", "unsupported")
    valid = opened.valid
    if valid is not None and not valid.all():
        notes.append(NOTE)
    return DecodedImage(pixels, tuple(notes), opened.digest, opened.georeference, opened.orientation, valid)


def count_bright(values: NDArray[Any], *, bits: int) -> int:
    """How many values of so many bits reach an eighth of their range."""
    return int(np.count_nonzero(values >= 2 ** (bits - 3)))


def dark_note(bright: int, samples: int, top: int) -> str | None:
    """What is to be said of a picture of 16 bits of whose samples so many are bright; None of a usual one.

    `top` is the high byte of the largest. A sensor's hot pixels, a burned-in mark and a cloud are bright in dark
    pictures too; but none is above what the bits of a sensor can hold.
    """
    if bright >= _BRIGHT * samples:
        if top >= _QUARTER or not samples:
            return None
        return "none of its 16-bit values reaches a quarter of their range, as of 14 bits: it comes out dark"
    return f"{1 - _BRIGHT:.0%} of its 16-bit values lie below an eighth of their range: it comes out dark"


def decode_mask(path: Path) -> NDArray[Any]:
    """The class ids of a label mask, (H, W), as the file holds them; see `decode_mask_with_valid`."""
    return decode_mask_with_valid(path)[0]


def decode_mask_with_valid(path: Path) -> tuple[NDArray[Any], Valid | None]:
    """Decode a label mask to class ids, (H, W), never by colour, and where the file says that it has data, or None.

    uint8 palette indices or grey values as stored (also below 8 bits), also from RGB whose channels are equal, 0 or 1
    from a bilevel picture, uint16 from 16 bits, int32 from 32 bits and from signed ones. Orientation is applied as for
    pictures, so that a photograph and its mask agree. Raises ColorError for a picture in colour or with transparency,
    ImageError for one with several frames, whose values are not exact, or otherwise open to two readings.
    """
    opened = open_upright(path)
    form = "a PNG with one channel whose values are the class ids"
    advice = f"save it as {form}"
    with image_errors(path):
        if reason := inexact(path, opened, of="ids", form=form):
            raise ImageError(f"{path}: {reason}", "unsupported")
        image = one_channel(opened.image)
        mode = image.mode
        if mode == "F":
            raise ImageError(
                f"{path}: the mask holds floating-point values; ids are whole numbers; {advice}", "unsupported"
            )
        if mode not in ("P", "L", "1", "I", *_SIXTEEN_BIT):
            raise ColorError(
                f"{path}: this is a colour picture (mode {mode}) and not an index mask; {advice}", "unsupported"
            )
        if opened.frames > 1:
            raise ImageError(f"{path}: the mask holds {opened.frames} frames; one is needed; {advice}", "unsupported")
        if opened.white_is_zero:  # of one bit too: scanners store ink as 1, and tifffile what is True in an array
            advice = "save the ids 0 and 1 as a PNG of 8 bits" if mode == "1" else advice
            raise ImageError(f"{path}: zero means white in this TIFF, so ids may be inverted; {advice}", "unsupported")
        ids = _stored_ids(opened, image)
        of_value = None if opened.nodata is None else differs(ids, opened.nodata)
        return ids, all_valid(opened.valid, of_value)


def _stored_ids(opened: Opened, image: Image.Image) -> NDArray[Any]:
    """The samples of a mask's one channel as its file holds them, whatever Pillow made of them."""
    values, mode = np.array(image), image.mode
    if opened.signed:
        return values.view(np.int8).astype(np.int32)
    if mode == "1":
        return values.astype(np.uint8)
    if mode in _SIXTEEN_BIT:
        return values.astype(np.uint16)
    top = opened.maxval or _LEVELS.get(opened.rawmode[:3])
    if top is not None and mode in ("L", "I"):  # undo Pillow's stretching to 255 or 65535
        full = 255 if mode == "L" else 65535
        stored = (values.astype(np.uint64) * top + full // 2) // full
        return stored.astype(np.uint8 if mode == "L" else np.uint16)
    return values


def _grey_from_deep(path: Path | str, opened: Opened, notes: list[str]) -> NDArray[np.uint8]:
    """Scale 12-bit, 16-bit and small 32-bit grey to (H, W) uint8, rounding."""
    values = np.asarray(opened.image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ImageError(
            f"{path}: the picture holds 32-bit values from {low} to {high}, whose range is unknown; save it "
            "with 8 or 16 bits a sample",
            "unsupported",
        )
    twelve = opened.rawmode.startswith("I;12")
    top = 4095 if twelve else 65535
    scaled = values.astype(np.uint32)
    scaled *= 255
    scaled += top // 2
    scaled //= top
    grey = scaled.astype(np.uint8)
    notes.append("12-bit values scaled to 8 bits" if twelve else "16-bit values divided by 257")
    if not twelve and (note := dark_note(count_bright(values, bits=16), values.size, high >> 8)):
        notes.append(note)
    if opened.white_is_zero:  # Pillow inverts such a TIFF with 8 bits, but not with 16
        grey = np.uint8(255) - grey
    key = opened.image.info.get("transparency")
    if isinstance(key, int) and (hidden := values == key).any():
        grey[hidden] = 255
        notes.append("transparent pixels shown on white")
    return grey


def _to_srgb(opened: Opened, notes: list[str]) -> Image.Image:
    """Convert a picture of at most 8 bits a sample to sRGB, by the profile that it has."""
    mode: Literal["CMYK", "L", "RGB"] = "CMYK" if opened.image.mode == "CMYK" else "RGB"
    if opened.image.mode in ("1", "L", "LA", "La"):
        mode = "L"
    colors = ToSrgb(None, mode) if opened.image.mode == "LAB" else _profile(opened, mode, notes)  # LAB says it all
    if not colors:
        return _to_rgb(opened, notes)
    if mode == "CMYK":
        return colors.apply(opened.image)
    rgb = _to_rgb(opened, notes)
    if mode == "L":
        return colors.apply(rgb.getchannel(0))
    return colors.apply(rgb.copy() if rgb is opened.image else rgb)  # which is changed itself


def _is_deep(opened: Opened) -> bool:
    """Whether a colour has 16 bits, and not a pixel, as in a BMP."""
    return ";16" in opened.rawmode and not opened.rawmode.startswith("BGR;")


def _profile(opened: Opened, mode: Literal["CMYK", "L", "RGB"], notes: list[str]) -> ToSrgb:
    colors = ToSrgb(opened.image.info.get("icc_profile"), mode)
    if colors.note:
        notes.append(colors.note)
    return colors


def _to_rgb(opened: Opened, notes: list[str]) -> Image.Image:
    """Convert a picture of at most 8 bits a sample, as Pillow delivers it, to mode RGB."""
    image, mode = opened.image, opened.image.mode
    deep = _is_deep(opened) or (opened.maxval or 0) > 255
    if deep:
        notes.append("16-bit values reduced to 8 bits")  # Pillow keeps the high byte: within 1 of v / 257
    if mode in _CONVERTED:
        notes.append(f"{mode} converted to RGB")
        return image.convert("RGB")
    key = image.info.get("transparency")
    if deep and key is not None:
        key = None  # a 16-bit colour, which no reduced sample can be compared with
        notes.append("transparent colour of a 16-bit picture ignored")
    levels = _LEVELS.get(opened.rawmode[:3])
    if levels is not None and isinstance(key, int):
        image.info["transparency"] = key * 255 // levels  # Pillow stretches the samples, but not the key
    if mode not in _ALPHA and key is None:
        return image if mode == "RGB" else image.convert("RGB")
    rgba = image.convert("LA").convert("RGBA") if mode == "La" else image.convert("RGBA")
    lowest, highest = rgba.getchannel("A").getextrema()
    if lowest == 255:
        return rgba.convert("RGB")
    if highest == 0:  # nobody stores a picture in order not to show it, but the empty corners of a map
        notes.extend([] if opened.georeference else ["alpha that is 0 everywhere ignored"])
        return rgba.convert("RGB")
    notes.append("transparent pixels shown on white")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
