"""A path to an upright, fully loaded Pillow image; whatever goes wrong becomes one ImageError.

Pillow reads the formats of `images.formats` and nothing else. The format is told by the content, never by the suffix.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.files.digest import Digest, digest_of
from hypsegcli.images.beside_pixels import text_chunks
from hypsegcli.images.bmp import with_its_palette
from hypsegcli.images.complete import check_complete
from hypsegcli.images.georeference import Georeference, georeference
from hypsegcli.images.identify import identify
from hypsegcli.images.jpeg2000_boxes import arrange, channels
from hypsegcli.images.metadata import kind_of_map
from hypsegcli.images.nodata import (
    Valid,
    all_valid,
    declared_nodata,
    find_mask,
    lower_bytes,
    mask_pixels,
    valid_samples,
    with_readable_masks,
)
from hypsegcli.images.orientation import Orientation, read_orientation, tiff_orientation
from hypsegcli.images.picture_file import check_size, image_errors, read_file
from hypsegcli.images.png_check import check_png
from hypsegcli.images.tiff_directories import check_directories, read_directories
from hypsegcli.images.tiff_kind import (
    check_said,
    find_picture,
    is_signed,
    kind_notes,
    palette_of_bytes,
    samples_as_stored,
)
from hypsegcli.images.told_colors import told_colors
from hypsegcli.images.unread_profile import unread_profile

_BITS, _PHOTOMETRIC, _SAMPLES = 0x0102, 0x0106, 0x0115
_HIDES = ("LA", "La", "PA", "RGBA", "RGBa")


@dataclass(frozen=True, eq=False)
class Opened:
    """A loaded picture, turned upright, with what its header said about the samples.

    `rawmode` is Pillow's name for the samples as they are stored ("RGB;16B", "L;4"), empty where unknown.
    `maxval` is the largest sample a PPM file declares, None for other formats. `white_is_zero` marks a
    TIFF whose zero means white, `signed` one whose 8 bits have a sign. `frames` counts the pictures in the
    file, of which `image` is the first; reduced copies are none.
    `notes` say what was changed so far. `digest` is of the bytes that were read; None for a picture from memory.
    """

    image: Image.Image
    format: str
    rawmode: str
    maxval: int | None
    white_is_zero: bool
    signed: bool
    frames: int
    notes: tuple[str, ...]
    digest: Digest | None
    georeference: Georeference = ()
    orientation: int = 1  # as EXIF numbers them, of the pixels as stored
    own_map: str | None = None  # the kind of map that hypseg wrote it as
    valid: Valid | None = None  # of a TIFF that says where it has no data
    nodata: int | None = None  # the value of samples, as stored, by which it does
    bands: int = 1  # samples a pixel that a TIFF says it has, also of those that `image` has not


def open_upright(path: Path, *, max_pixels: int = MAX_PIXELS) -> Opened:
    """Read `path` once, decode its first frame and turn it upright.

    Raises ImageError for a file that cannot be read, is no picture, is damaged or truncated, or has more
    than `max_pixels` pixels (width times height, checked before any pixel is decoded).
    """
    data = read_file(path, max_pixels=max_pixels)
    with image_errors(path):
        image, digest, mask, turned = identify(path, data), digest_of(data), None, None
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            directories = read_directories(path, BytesIO(data))
            if (readable := with_readable_masks(data, directories)) is not data:
                data = readable
                image = TiffImagePlugin.TiffImageFile(BytesIO(data))
            image, frames, turned = find_picture(path, image, data)
            mask = find_mask(directories, image.tell()) if turned is None else None
        else:
            frames = int(getattr(image, "n_frames", 1))  # before load(): counting moves the file position
        width, height = image.size
        check_size(path, height, width, max_pixels=max_pixels)
        check_complete(path, image, data)
        return load_upright(path, image, data, frames=frames, turned=turned, digest=digest, mask=mask)


def take_upright(image: Image.Image, name: str, *, max_pixels: int = MAX_PIXELS) -> Opened:
    """Turn a Pillow image upright, loaded or not, of whose frames it shows one; it stays as it is itself.

    Raises ImageError, which calls it `name`, as `open_upright` does. Whether it is whole can be told of one that is not
    loaded yet and whose file Pillow holds open; of any other there are but the pixels.
    """
    width, height = image.size
    check_size(name, height, width, max_pixels=max_pixels)
    with image_errors(name):
        if data := _file_of(image):
            if image.format == "TIFF":
                check_directories(name, BytesIO(data))
            check_complete(name, image, data)
            if isinstance(image, TiffImagePlugin.TiffImageFile):
                image = _from_memory(image, data)
        return load_upright(name, image, data)


def _from_memory(image: TiffImagePlugin.TiffImageFile, data: bytes) -> TiffImagePlugin.TiffImageFile:
    """The same picture of the file, whose rows Pillow would cut at the turned width where it maps the file itself."""
    anew = TiffImagePlugin.TiffImageFile(BytesIO(data))
    anew.seek(image.tell())
    return anew


def _file_of(image: Image.Image) -> bytes:
    """All of the file that an image will be loaded from; nothing where it is loaded, or nobody holds the file."""
    file = getattr(image, "fp", None)
    if file is None or not getattr(image, "tile", None):
        return b""
    at = file.tell()
    file.seek(0)
    data: bytes = file.read()
    file.seek(at)
    return data


def load_upright(
    path: Path | str,
    image: Image.Image,
    data: bytes,
    *,
    frames: int = 1,
    turned: Orientation | None = None,
    digest: Digest | None = None,
    mask: int | None = None,
) -> Opened:
    """Load an image from its file, of which `data` are the bytes where they are known; `mask` is the directory of its.

    Raises what Pillow does, which `image_errors` turns into ImageErrors.
    """
    kind = image.format or ""
    own_map = kind_of_map(text_chunks(image))
    white_is_zero = signed = False
    place: Georeference = ()
    nodata = low = None
    notes = [f"frame 1 of {frames} used"] if frames > 1 else []
    orientation = Orientation()
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        check_said(path, image.tag_v2.get)
        said = tiff_orientation(image.tag_v2.get) if image.tile else None  # else Pillow has turned it
        orientation = turned or said or orientation
        white_is_zero = image.tag_v2.get(_PHOTOMETRIC) == 0
        signed = is_signed(image)
        place = georeference(image.tag_v2.get) if orientation.number == 1 else ()
        notes.extend(kind_notes(image))
        samples_as_stored(image)
        nodata = declared_nodata(image.tag_v2.get)
        low = lower_bytes(image, data) if nodata is not None and data else None
    if data:
        image = with_its_palette(image, data)
    rawmode, maxval = _samples(image)
    found = channels(path, data, len(image.getbands())) if data and kind == "JPEG2000" else None
    image.load()
    valid = None
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = max(image.tag_v2.get(_BITS, (1,)))
        of_value = None if nodata is None else valid_samples(image, nodata, bits=bits, low=low, inverted=white_is_zero)
        # What else hides pixels may be a cut-out; of what lies on Earth, it is what was never photographed.
        of_alpha = np.asarray(image.getchannel("A")) != 0 if place and image.mode in _HIDES else None
        of_mask = mask_pixels(data, mask) if mask is not None and orientation.number == 1 else None
        valid = all_valid(of_value, of_alpha, of_mask)
        if palette := palette_of_bytes(image):
            image = image.copy()  # it may be a caller's
            image.putpalette(palette)
    if data and kind == "PNG" and not image.tell() and _ends_black(image):
        check_png(path, data)
    upright: Image.Image = arrange(image, found, notes) if found else image
    if profile := unread_profile(image, data):
        upright = upright.copy()
        upright.info["icc_profile"] = profile
    elif note := told_colors(image, data):
        notes.append(note)
    if kind != "TIFF":
        orientation = _orientation(image, notes)
    if kind != "TIFF" or turned:  # else Pillow turned it in load()
        upright = orientation.apply(upright)
    if note := orientation.note():
        notes.append(note)
    return Opened(
        upright,
        kind,
        rawmode,
        maxval,
        white_is_zero,
        signed,
        frames,
        tuple(notes),
        digest,
        place,
        orientation.number,
        own_map,
        valid,
        nodata,
        image.tag_v2.get(_SAMPLES, 1) if isinstance(image, TiffImagePlugin.TiffImageFile) else 1,
    )


def _ends_black(image: Image.Image) -> bool:
    """Whether one of its last two rows is all zeros, the last but one being the last of an interlaced picture."""
    rows = (image.crop((0, row, image.width, row + 1)) for row in (image.height - 2, image.height - 1))
    return not all(row.getbbox() for row in rows)


def _samples(image: Image.Image) -> tuple[str, int | None]:
    """Return the raw mode and, for PPM, the declared maximum of the samples; both before load()."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return "", None
    args = tiles[0].args
    values = args if isinstance(args, tuple) else (args,)
    rawmode = values[0] if values and isinstance(values[0], str) else ""
    if tiles[0].codec_name in ("ppm", "ppm_plain") and len(values) > 1:
        return rawmode, int(values[1])
    return rawmode, None


def _orientation(image: Image.Image, notes: list[str]) -> Orientation:
    """That of a loaded picture; damaged EXIF data costs a note and not the picture."""
    try:
        return read_orientation(image)
    except Exception:
        notes.append("damaged EXIF data ignored")
        return Orientation()
