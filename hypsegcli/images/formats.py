"""The formats of pictures that are read: by what name Pillow knows each, and which suffixes its files have."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

# Each is one more decoder that hostile bytes can reach. MPO comes with JPEG.
FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "PPM": (".ppm", ".pgm", ".pnm", ".pbm"),
    "GIF": (".gif",),
    "JPEG2000": (".jp2", ".j2k"),
    "AVIF": (".avif",),
}

# What an extra reads, and the package that it brings: of phones.
HEIF, HEIF_SUFFIXES, HEIF_READER = "HEIF", (".heic", ".heif"), "pillow_heif"
HEIF_ADVICE = "HEIC is read with pip install 'hypseg[heic]'"
if find_spec(HEIF_READER) is not None:
    FORMATS[HEIF] = HEIF_SUFFIXES

# What has frames in place of pixels; told by the suffix in folders, by the first bytes where a file is named.
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv")
CLIP_SUFFIXES = VIDEO_SUFFIXES[:6]  # of those whose frames are read
VIDEO_ADVICE = (
    "hypseg predict and hypseg uncertainty take the frames of MP4, MOV, AVI, MKV and WebM files that are called so; "
    "elsewhere videos go in as pictures: ffmpeg -i CLIP frames/%06d.png, and then the folder frames"
)
_MATROSKA = b"\x1aE\xdf\xa3"  # and WebM, which is one
_VIDEO_STARTS = (_MATROSKA, b"\0\0\1\xba", b"FLV\1", b"0&\xb2u\x8ef\xcf\x11")  # Matroska, MPEG, Flash, Windows
_VIDEO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide")  # of MP4 and QuickTime, behind a length of 4 bytes

# What a folder or a pattern picks up, in lower or upper case; a file named by itself may have any suffix.
SUFFIXES: tuple[str, ...] = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)


def is_video(head: bytes) -> bool:
    """Whether a file that begins so, and is no picture, is a video; `head` has 12 bytes or more."""
    return head.startswith(_VIDEO_STARTS) or head[4:8] in _VIDEO_BOXES or (head[:4], head[8:12]) == (b"RIFF", b"AVI ")


def clip_container(head: bytes) -> Literal["mp4", "avi", "matroska"] | None:
    """Of a video that begins so, what it is, if its frames are read here."""
    if head.startswith(_MATROSKA):
        return "matroska"
    if head[4:8] in _VIDEO_BOXES:
        return "mp4"
    return "avi" if head.startswith(b"RIFF") else None


def advice_on(suffix: str) -> str:
    """How files of a suffix that is no picture's here can be read after all; empty where nothing is known."""
    if suffix in HEIF_SUFFIXES:
        return HEIF_ADVICE
    return VIDEO_ADVICE if suffix in VIDEO_SUFFIXES else ""
