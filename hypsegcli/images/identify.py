"""The beginning of a file to the Pillow image that it is; nothing is decoded.

Pillow reads the formats of `images.formats` and nothing else. The format is told by the content, never by the suffix.
"""

from __future__ import annotations

import re
import struct
from io import BytesIO
from pathlib import Path

from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.formats import FORMATS, HEIF, HEIF_ADVICE, VIDEO_ADVICE, is_video
from hypsegcli.images.jpeg_check import refuse_unread_jpeg

HEAD = 16  # bytes, by which Pillow tells formats
_KNOWN = ", ".join(FORMATS)
_UNKNOWN = f"this is not a picture in a known format; known are {_KNOWN}, told by the content and not by the suffix"
_MISSING = re.compile(r"TIFF: (\d+)")  # what Pillow says of a field that is not there, and of an unknown compression
_COLOR_MAP = "320"
_COMPRESSIONS = {
    **dict.fromkeys((33003, 33005, 34712), "JPEG 2000"),
    34887: "LERC",
    34892: "lossy DNG",
    34933: "PNG",
    34934: "JPEG XR",
    **dict.fromkeys((50002, 52546), "JPEG XL"),
}
_HEIF_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")


def refuse_unknown(path: Path, head: bytes) -> None:
    """Raise ImageError where the first bytes of a file are those of no known format."""
    if not any(_accepts(name, head) for name in FORMATS):
        heif = head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS
        if not heif and is_video(head):
            raise ImageError(f"{path}: this is a video and not a picture; {VIDEO_ADVICE}", "unsupported")
        raise ImageError(f"{path}: {_UNKNOWN}{f'; {HEIF_ADVICE}' if heif else ''}", "unknown_format")


def identify(path: Path, data: bytes) -> Image.Image:
    """Do what Image.open does, except for its warning about large pictures.

    That warning can only be silenced for the whole process, which a library must not do; the size check
    in `picture_file` stands in for it. Pillow's registry of formats is its documented plugin interface.
    """
    if data[:4] == b"MM\0+":
        raise ImageError(
            f"{path}: this is a big-endian BigTIFF, which is not read as a whole; save it little-endian", "unsupported"
        )
    damage = ""
    for name in FORMATS:
        if not _accepts(name, data[:HEAD]):
            continue
        if name == "JPEG":
            refuse_unread_jpeg(path, data)
        try:
            return Image.OPEN[name][0](BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error) as error:
            damage = f"{name}: {error}"
    if (field := _MISSING.fullmatch(damage)) and field[1] != _COLOR_MAP:
        raise ImageError(
            f"{path}: TIFFs compressed as {_COMPRESSIONS.get(int(field[1]), f'number {field[1]}')} are not read; "
            "compress it with Deflate or LZW",
            "unsupported",
        )
    if damage.startswith("TIFF") and ("unknown pixel mode" in damage or "index out of range" in damage):
        raise ImageError(
            f"{path}: TIFFs with samples like these are not read; save it as grey, RGB or RGBA of 8 or 16 bits without "
            "a sign, with the channels of a pixel together",
            "unsupported",
        )
    if damage:
        raise ImageError(f"{path}: the header of the picture is damaged ({damage}); replace the file", "damaged")
    raise ImageError(f"{path}: {_UNKNOWN}", "unknown_format")


def _accepts(name: str, head: bytes) -> bool:
    """Whether a file that begins so may be of a format."""
    if name == HEIF and name not in Image.OPEN:
        import pillow_heif

        pillow_heif.register_heif_opener()
    elif name not in Image.OPEN:
        Image.init()
    accept = Image.OPEN[name][1]
    return accept is None or accept(head) is True
