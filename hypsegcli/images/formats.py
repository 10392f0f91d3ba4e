"""The formats of pictures that are read: by what name Pillow knows each, and which suffixes its files have."""

from __future__ import annotations

from importlib.util import find_spec

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

# What a folder or a pattern picks up, in lower or upper case; a file named by itself may have any suffix.
SUFFIXES: tuple[str, ...] = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
