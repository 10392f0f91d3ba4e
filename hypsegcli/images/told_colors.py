"""Colours that a file describes otherwise than by an ICC profile: they are taken for sRGB, which has to be said.

PNG (2025): cICP counts before sRGB, and that before gAMA and cHRM; ITU-T H.273 numbers what cICP and the `nclx` of an
AVIF or HEIC name; DCF 2.0 marks Adobe RGB in EXIF by the interoperability index R03.
"""

from __future__ import annotations

import contextlib
import struct
from itertools import takewhile

from PIL import Image

from hypsegcli.images.png_check import chunks_of

_GAMMA, _PLACES = 1 / 2.2, (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # of sRGB, as its chunks have them
_NEAR_GAMMA, _NEAR_PLACE = 0.02, 0.01
# Those of ordinary pictures and video, old ones too, differ by little; 2 is for "not said".
_PRIMARIES = {9: "BT.2020", 11: "P3", 12: "P3"}
_TRANSFERS = {5: "gamma 2.8", 8: "linear light", 16: "PQ", 18: "HLG"}
_NCLX = b"colrnclx"
_EXIF, _INTEROPERABILITY, _INDEX = 0x8769, 0xA005, 1


def told_colors(image: Image.Image, data: bytes) -> str | None:
    """What is to be said of a picture without a profile whose file says that its colours are not sRGB, or None.

    `data` is the file that `image` was opened from, empty where nobody knows it.
    """
    if image.info.get("icc_profile"):
        return None
    if image.format == "PNG":
        said = _of_png(image, data)
    elif image.format in ("AVIF", "HEIF"):
        at = data.find(_NCLX) + len(_NCLX)
        said = _coded(*struct.unpack_from(">HH", data, at)) if len(_NCLX) <= at <= len(data) - 4 else None
    else:
        said = "Adobe RGB" if _is_adobe(image) else None
    return None if said is None else f"colours taken for sRGB, though the file says {said}"


def _of_png(image: Image.Image, data: bytes) -> str | None:
    before_pixels = takewhile(lambda chunk: chunk[0] != b"IDAT", chunks_of(data))
    coded = next((body for kind, body, _ in before_pixels if kind == b"cICP" and len(body) == 4), None)
    if coded is not None:
        return _coded(coded[0], coded[1])
    if "srgb" in image.info:
        return None
    gamma, places = image.info.get("gamma"), image.info.get("chromaticity")
    told = []
    if gamma and abs(gamma - _GAMMA) > _NEAR_GAMMA:
        told.append(f"gamma {gamma:.3g}")
    if places and any(abs(own - usual) > _NEAR_PLACE for own, usual in zip(places, _PLACES, strict=False)):
        told.append("other primaries")
    return " and ".join(told) or None


def _coded(primaries: int, transfer: int) -> str | None:
    told = [_PRIMARIES.get(primaries), _TRANSFERS.get(transfer)]
    return " and ".join(filter(None, told)) or None


def _is_adobe(image: Image.Image) -> bool:
    """Whether EXIF marks the colours so; damaged data, of which a note tells elsewhere, do not."""
    exif = image.info.get("exif")
    if not isinstance(exif, bytes) or b"R03" not in exif:
        return False
    with contextlib.suppress(Exception):
        found = image.getexif().get_ifd(_EXIF).get(_INTEROPERABILITY)
        index = found.get(_INDEX) if isinstance(found, dict) else image.getexif().get_ifd(_INTEROPERABILITY)[_INDEX]
        return str(index).strip("\0 ") == "R03"
    return False
