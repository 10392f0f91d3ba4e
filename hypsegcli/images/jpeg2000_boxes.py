"""What the header of a JP2 file says of its channels, which Pillow does not look at; ITU-T T.800, Annex I."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.files.words import count_of

_COLORS = {16: 3, 17: 1, 18: 3, 12: 4}  # sRGB, grey, sYCC, CMYK: what Pillow reads, and how many channels each has
_OPACITY, _PREMULTIPLIED = 1, 2
_SPACES = {b"CMYK": "CMYK", b"Lab ": "CIELAB"}  # of profiles for what Pillow takes for RGB
_CODESTREAM = b"\xff\x4f\xff\x51"


@dataclass(frozen=True)
class Channels:
    """Which of the channels of a JPEG 2000 are what, by their numbers in the file."""

    colors: tuple[int, ...]  # in the order R, G, B
    alpha: int | None
    premultiplied: bool
    ignored: int
    profile: bytes | None  # ICC


def channels(path: Path | str, data: bytes, number: int) -> Channels | None:
    """Those of a file of `number` channels; None where Pillow's reading is right: palettes, and CMYK.

    Raises ImageError for colours that are no RGB or grey. A codestream without a header says nothing of its channels.
    """
    boxes = {} if data.startswith(_CODESTREAM) else _first(_first(data).get(b"jp2h", b""))
    if b"pclr" in boxes:
        return None
    color = boxes.get(b"colr", b"")
    method = color[0] if color else 0
    wanted = 1 if number < 3 else 3
    if method == 1 and len(color) >= 7:
        kind: int = struct.unpack_from(">I", color, 3)[0]
        wanted = _COLORS.get(kind, 0)
        if not wanted:
            raise _unread(path, f"enumerated colour space {kind}")
        if wanted == 4:
            return None
    profile = color[3:] if method in (2, 3) else None
    if profile and profile[16:20] in _SPACES:
        raise _unread(path, f"{_SPACES[profile[16:20]]} by its colour profile")
    if number < wanted or (profile and profile[16:20] == b"GRAY"):
        wanted = 1
    meaning = _definitions(boxes.get(b"cdef", b""))
    placed = {place: channel for channel, (kind, place) in meaning.items() if kind == 0 and 1 <= place <= wanted}
    colors = tuple(placed.get(place, place - 1) for place in range(1, wanted + 1))
    alphas = [channel for channel, (kind, _) in meaning.items() if kind in (_OPACITY, _PREMULTIPLIED)]
    if max((*colors, *alphas)) >= number or len({*colors, *alphas}) < len(colors) + len(alphas):
        raise ImageError(
            f"{path}: the picture is damaged (its channels contradict each other); replace the file", "damaged"
        )
    alpha = alphas[0] if alphas else None
    return Channels(
        colors,
        alpha,
        alpha is not None and meaning[alpha][0] == _PREMULTIPLIED,
        number - len(colors) - (alpha is not None),
        profile,
    )


def arrange(image: Image.Image, found: Channels, notes: list[str]) -> Image.Image:
    """A loaded picture with its channels as the file means them, those that mean nothing left out with a note."""
    bands = image.split()
    picked = [*found.colors, *([] if found.alpha is None else [found.alpha])]
    if found.ignored:
        notes.append(f"{count_of(found.ignored, 'further channel')} ignored")
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(picked)]
    arranged = image
    if picked != list(range(len(bands))):
        arranged = Image.merge(mode, [bands[index] for index in picked])
    elif found.premultiplied or found.profile:
        arranged = image.copy()  # it may be a caller's
    if found.premultiplied:
        arranged = Image.frombytes(mode.replace("A", "a"), arranged.size, arranged.tobytes())
    arranged.info = dict(image.info)
    if found.profile:
        arranged.info["icc_profile"] = found.profile
    return arranged


def _unread(path: Path | str, what: str) -> ImageError:
    return ImageError(
        f"{path}: JPEG 2000 in colours like these is not read ({what}); save it as RGB or grey", "unsupported"
    )


def _first(data: bytes) -> dict[bytes, bytes]:
    """The first box of each kind."""
    return dict(reversed(list(_boxes(data))))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes at the top of some bytes: their kinds and what they hold, that of pixels left out."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= len(data):
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        stop = at + length if length else len(data)
        if stop < at + head:
            return
        yield kind, b"" if kind == b"jp2c" else data[at + head : stop]
        at = stop


def _definitions(body: bytes) -> dict[int, tuple[int, int]]:
    """Of a cdef box, by channel: what kind it is, and which colour it belongs to."""
    number = struct.unpack_from(">H", body)[0] if len(body) >= 2 else 0
    entries = struct.iter_unpack(">HHH", body[2 : 2 + 6 * min(number, (len(body) - 2) // 6)])
    return {channel: (kind, place) for channel, kind, place in entries}
