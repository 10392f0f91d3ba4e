"""JPEGs in a TIFF that are whole by themselves, and not what the TIFF says of them.

libtiff goes by the TIFF's fields: a JPEG of other colours than PhotometricInterpretation names is shown in wrong ones,
and where it has fewer pixels than its strip or tile, the rest stays what it was. TIFF technical note 2 (1995); which
colours a JPEG says that it has, as libjpeg tells: JFIF's marker before Adobe's before the numbers of the components.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.errors import ImageError
from hypsegcli.images.jpeg_markers import SOF, read_frame, segments

_RGB, _CMYK, _YCBCR = 2, 5, 6
_JFIF, _ADOBE = (0xE0, b"JFIF\0"), (0xEE, b"Adobe")
_TRANSFORM = 11  # the byte of Adobe's marker that names the colours
_NAMES = {_RGB: "RGB", _CMYK: "CMYK", _YCBCR: "YCbCr"}


def check_jpeg_piece(path: Path | str, data: bytes, shape: tuple[int, int], *, photometric: int | None) -> None:
    """Raise ImageError for a whole JPEG of fewer pixels than `shape`, height and width, or of other colours."""
    jfif, transform, numbers = False, -1, b""
    for kind, _, body in segments(data):
        if kind == _JFIF[0] and body.startswith(_JFIF[1]):
            jfif = True
        elif kind == _ADOBE[0] and body.startswith(_ADOBE[1]) and len(body) > _TRANSFORM:
            transform = body[_TRANSFORM]
        elif kind in SOF:
            frame = read_frame(body)
            numbers = bytes(component.number for component in frame.components)
            if frame.height < shape[0] or frame.width < shape[1]:
                raise ImageError(
                    f"{path}: the picture is damaged (a part of this TIFF has {frame.width} x {frame.height} of its "
                    f"{shape[1]} x {shape[0]} pixels); replace the file",
                    "damaged",
                )
    said = _colours(jfif, transform, numbers)
    if said and photometric in _NAMES and said != _NAMES[photometric]:
        raise ImageError(
            f"{path}: this TIFF says that its colours are {_NAMES[photometric]}, and the JPEGs in it that theirs are "
            f"{said}; save it anew from what it was made from, compressed with Deflate or LZW",
            "unsupported",
        )


def _colours(jfif: bool, transform: int, numbers: bytes) -> str | None:
    """What a JPEG says that its colours are; None where it says nothing."""
    if len(numbers) == 4:
        return {0: "CMYK", 2: "YCCK"}.get(transform)
    if len(numbers) != 3:
        return None
    if jfif:
        return "YCbCr"
    if transform in (0, 1):
        return "YCbCr" if transform else "RGB"
    return "RGB" if numbers == b"RGB" else None
