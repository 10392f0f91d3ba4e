"""What a TIFF says of its pictures: which of them is the picture, and how its samples lie in the file.

TIFF 6.0 (Adobe, 1992) for the fields; supplement 1 (1995) for trees of directories.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL.TiffImagePlugin import TiffImageFile

from hypsegcli.errors import ImageError
from hypsegcli.files.words import count_of
from hypsegcli.images.orientation import Orientation, tiff_orientation
from hypsegcli.images.tiff_directories import MASK, OLD_SUBFILE, REDUCED, SUBFILE, check_directories

SUB_DIRECTORIES = 330
_BITS, _COMPRESSION, _PLANAR, _EXTRA, _FORMAT = 258, 259, 284, 338, 339
_PHOTOMETRIC, _YCBCR, _REFERENCE, _FULL_RANGE = 262, 6, 532, (0, 255, 128, 255, 128, 255)
_SIGNED, _OLD_JPEG = 2, 6
_COLOR_MAP = 320
# Compressions with which a Predictor means that samples are differences: LZW, Deflate by two numbers, LZMA, Zstandard;
# and those of whole pictures, JPEG by two numbers, with which it means nothing.
_PREDICTOR, _DIFFERENCED, _WHOLE = 317, (5, 8, 32946, 34925, 50000), (6, 7)
_MOST_BELOW = 100  # directories below others that are looked into, each with the whole file
_NATIVE = "L" if sys.byteorder == "little" else "B"


def find_picture(path: Path, image: TiffImageFile, data: bytes) -> tuple[TiffImageFile, int, Orientation | None]:
    """The first picture that is no reduced copy, how many of them there are at the top, and how else it is turned.

    A previews-first file may keep it in a directory below another one, whose orientation it has where it names none
    (DNG 1.7, Orientation): that is the last, None where Pillow turns by itself. Raises ImageError where the picture
    cannot be read.
    """
    frames = [number for number in range(image.n_frames) if is_whole(image, number)]
    if frames:
        image.seek(frames[0])
        return image, len(frames), None
    below, refusal = _below(path, image, data)
    if below:
        return below
    image.seek(0)
    if refusal:
        raise ImageError(
            f"{path}: the first picture in this TIFF is a preview of {image.width} x {image.height} pixels, and the "
            f"full one is of a kind that is not read ({refusal}), as in the raw files of cameras; save it as JPEG, PNG "
            "or an RGB TIFF",
            "unsupported",
        )
    return image, 1, None


def _below(
    path: Path, image: TiffImageFile, data: bytes
) -> tuple[tuple[TiffImageFile, int, Orientation | None] | None, str]:
    """The first picture below those at the top, as above, or else why it is not read."""
    if _is_big(data):
        return None, "it lies below it in a BigTIFF"  # whose offsets Pillow does not read
    refusal, tried = "", 0
    for number in range(image.n_frames):
        image.seek(number)
        for offset in _offsets(image.tag_v2.get(SUB_DIRECTORIES, ())):
            tried += 1
            if tried > _MOST_BELOW:
                return None, f"it is none of the first {_MOST_BELOW} below it"
            try:
                moved = _beginning_at(data, offset)
                check_directories(path, BytesIO(moved))
                below = TiffImageFile(BytesIO(moved))
                if is_whole(below, 0):
                    turned = None if tiff_orientation(below.tag_v2.get) else tiff_orientation(image.tag_v2.get)
                    return (below, 1, turned), ""
            except (SyntaxError, IndexError, TypeError, KeyError, struct.error) as error:
                refusal = str(error) or type(error).__name__
    return None, refusal


def is_whole(image: TiffImageFile, number: int) -> bool:
    """Whether a picture at the top is no smaller copy and no mask of another; moves to it."""
    image.seek(number)
    return not (image.tag_v2.get(SUBFILE, 0) & (REDUCED | MASK) or image.tag_v2.get(OLD_SUBFILE, 1) == 2)


def check_said(path: Path | str, value_of: Callable[[int], object]) -> None:
    """Raise ImageError for a TIFF that leaves open what its samples mean, of a function that gives its tags or None.

    PhotometricInterpretation is required. Readers that go without it disagree on whether zero is black or white, and on
    whether a Predictor counts with compressions that it was not made for: libtiff passes over it.
    """
    if value_of(_PHOTOMETRIC) is None and value_of(_COMPRESSION) != _OLD_JPEG:  # whose colours are known
        raise ImageError(
            f"{path}: this TIFF does not say whether zero is black or white (it has no PhotometricInterpretation); "
            "save it anew with the program that it was meant for, as PNG or as a TIFF that says so",
            "unsupported",
        )
    if value_of(_PREDICTOR) not in (None, 1) and value_of(_COMPRESSION) not in (*_DIFFERENCED, *_WHOLE):
        raise ImageError(
            f"{path}: the Predictor of this TIFF says that samples are differences, which readers disagree on with its "
            "compression; save it anew without one, or compressed with Deflate or LZW",
            "unsupported",
        )


def samples_as_stored(image: TiffImageFile) -> None:
    """Correct what Pillow would take for other samples than those in the file; before it loads.

    It reads planes of 16 bits that are not compressed as if they had 8, and swaps the bytes of signed samples that
    libtiff has swapped already.
    """
    big = image.tag_v2.prefix == b"MM"
    planes = image.tag_v2.get(_PLANAR) == 2 and image.tag_v2.get(_COMPRESSION, 1) == 1
    deep = set(image.tag_v2.get(_BITS, ())) == {16}
    for number, tile in enumerate(image.tile):
        if not isinstance(tile.args, tuple):
            continue
        mode = tile.args[0]
        if planes and deep and tile.codec_name == "raw" and mode in ("R", "G", "B", "A"):
            mode += ";16B" if big else ";16L"
        elif tile.codec_name == "libtiff" and mode in ("I;16BS", "I;32BS"):
            mode = mode.replace("BS", "BS" if _NATIVE == "B" else "S")
        image.tile[number] = tile._replace(args=(mode, *tile.args[1:]))


def palette_of_bytes(image: TiffImageFile) -> bytes | None:
    """The palette, R, G, B by id, where it is of 8 bits, as old programs write it; None where Pillow reads it right.

    Pillow divides it by 256, to black. libtiff too takes a map without any value above 255 for one of 8 bits.
    """
    values: tuple[int, ...] = image.tag_v2.get(_COLOR_MAP, ())
    if image.mode not in ("P", "PA") or max(values, default=256) > 255:
        return None
    colors = len(values) // 3
    return bytes(values[channel * colors + index] for index in range(colors) for channel in range(3))


def is_signed(image: TiffImageFile) -> bool:
    """Whether samples of 8 bits have a sign, of which Pillow knows nothing."""
    return _SIGNED in image.tag_v2.get(_FORMAT, ()) and set(image.tag_v2.get(_BITS, ())) == {8}


def kind_notes(image: TiffImageFile) -> list[str]:
    """What is to be said of its samples, of which Pillow knows nothing.

    Those after the colours may not be called alpha, such as near infrared, and black and white not be 0 and 255.
    """
    tags = image.tag_v2
    ignored = sum(kind not in (1, 2) for kind in tags.get(_EXTRA, ()))
    plain = tags.get(_PHOTOMETRIC) == _YCBCR and tags.get(_COMPRESSION, 1) == 1
    usual = tuple(map(float, tags.get(_REFERENCE, _FULL_RANGE))) == _FULL_RANGE
    return [
        *([f"{count_of(ignored, 'further channel')} ignored"] if ignored else []),
        *(["reference black and white ignored"] if plain and not usual else []),
    ]


def _offsets(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) if isinstance(value, int) else ()


def _is_big(data: bytes) -> bool:
    return data[:4] in (b"II+\0", b"MM\0+")


def _beginning_at(data: bytes, offset: int) -> bytes:
    """The file with another directory for its first one."""
    field = struct.pack("<I" if data[:2] == b"II" else ">I", offset)
    return b"".join((data[:4], field, memoryview(data)[8:]))
