"""ICC profiles that are in a file and that Pillow does not give: of BMPs and GIFs, and of JPEGs and PNGs in disorder.

ICC.1 (2022), annex B, for JPEG and GIF; BITMAPV5HEADER for BMP.
"""

from __future__ import annotations

import struct

from PIL import Image

_IN_JPEG = b"ICC_PROFILE\0"  # then the number of a part, from 1, and how many there are
_IN_GIF = b"!\xff\x0bICCRGBG1012"
_FILE_HEADER, _V5, _EMBEDDED = 14, 124, b"DEBM"  # of BMP: bytes, bytes, and the kind of colours that a profile says

_NOT_WHOLE = b"not whole"


def unread_profile(image: Image.Image, data: bytes) -> bytes | None:
    """The profile, None where there is none or Pillow gives it; of one that is not whole what is none to any reader.

    `data` is the file that `image` was opened from, empty where nobody knows it.
    """
    if image.info.get("icc_profile"):
        return None
    if image.format in ("JPEG", "MPO"):
        return _of_jpeg(getattr(image, "applist", []))
    if image.format == "BMP":
        return _of_bmp(data)
    if image.format == "GIF":
        return _of_gif(data)
    return _NOT_WHOLE if image.format == "PNG" and "icc_profile" in image.info else None


def _of_jpeg(segments: list[tuple[str, bytes]]) -> bytes | None:
    """Pillow looks for it only before the frame begins, where it need not be."""
    parts = sorted(body for name, body in segments if name == "APP2" and body.startswith(_IN_JPEG))
    head = len(_IN_JPEG)
    if not parts:
        return None
    whole = [part[head : head + 2] for part in parts] == [bytes((n + 1, len(parts))) for n in range(len(parts))]
    return b"".join(part[head + 2 :] for part in parts) if whole else _NOT_WHOLE


def _of_bmp(data: bytes) -> bytes | None:
    if len(data) < _FILE_HEADER + _V5 or data[_FILE_HEADER] != _V5 or data[70:74] != _EMBEDDED:
        return None
    start, size = struct.unpack_from("<II", data, _FILE_HEADER + 112)
    profile = data[_FILE_HEADER + start :][:size]
    return profile if len(profile) == size else _NOT_WHOLE


def _of_gif(data: bytes) -> bytes | None:
    at, parts = data.find(_IN_GIF), []
    if at < 0:
        return None
    at += len(_IN_GIF)
    while at < len(data) and data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts) if at < len(data) else _NOT_WHOLE
