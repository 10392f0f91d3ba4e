"""Profiles that Pillow passes over: used where they are whole, told where they are not."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from hypsegcli.images.decode import decode_image
from hypsegcli.images.image_like import decode_image_like

CONVERTED, DAMAGED = "colours converted to sRGB from the profile in the file", "damaged colour profile ignored"
RAMP = np.stack(np.broadcast_arrays(np.arange(64)[None, :] * 4, np.arange(32)[:, None] * 8, 90), axis=-1).astype("u1")


def profile() -> bytes:
    """sRGB with red and green exchanged, of more than a segment of JPEG holds."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    at = {bytes(data[132 + 12 * n : 136 + 12 * n]): 136 + 12 * n for n in range(count)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return struct.pack(">I", len(data) + 70_000) + bytes(data[4:]) + bytes(70_000)


def encoded(form: str, image: Image.Image | None = None) -> bytes:
    buffer = io.BytesIO()
    options = {"icc_profile": profile()} if form in ("JPEG", "PNG") else {}
    (image or Image.fromarray(RAMP)).save(buffer, form, **options)
    return buffer.getvalue()


def jpeg(*, late: bool = False, lost: bool = False) -> bytes:
    """With its profile in two segments, behind the frame header or one of them lost."""
    data = encoded("JPEG")
    one, two = (data.index(b"ICC_PROFILE\0" + bytes((number, 2))) - 4 for number in (1, 2))
    frame = data.index(b"\xff\xc0")
    end = two + 2 + struct.unpack_from(">H", data, two + 2)[0]
    if lost:
        return data[:two] + data[end:]
    after = frame + 2 + struct.unpack_from(">H", data, frame + 2)[0]
    return data[:one] + data[end:after] + data[two:end] + data[one:two] + data[after:] if late else data


def png() -> bytes:
    """With a profile that does not inflate."""
    data = encoded("PNG")
    at = data.index(b"iCCP")
    size = struct.unpack_from(">I", data, at - 4)[0]
    body = bytearray(data[at + 4 : at + 4 + size])
    body[40] ^= 255
    return data[: at + 4] + body + struct.pack(">I", zlib.crc32(b"iCCP" + body)) + data[at + 8 + size :]


def bmp(*, cut: bool = False) -> bytes:
    height, width, _ = RAMP.shape
    pixels = RAMP[::-1, :, ::-1].tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    head = head.ljust(56, b"\0") + b"DEBM"
    head = head.ljust(108, b"\0") + struct.pack("<IIII", 4, 124 + len(pixels), len(profile()), 0)
    body = head + pixels + profile()
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 138) + (body[:-9] if cut else body)


def gif() -> bytes:
    data = encoded("GIF", Image.fromarray(RAMP).quantize(256))
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    blocks = (profile()[start : start + 255] for start in range(0, len(profile()), 255))
    extension = b"!\xff\x0bICCRGBG1012" + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"
    return data[:at] + extension + data[at:]


@pytest.mark.parametrize(
    ("name", "data", "note"),
    [
        ("a.jpg", jpeg(), CONVERTED),
        ("late.jpg", jpeg(late=True), CONVERTED),
        ("lost.jpg", jpeg(lost=True), DAMAGED),
        ("a.png", encoded("PNG"), CONVERTED),
        ("damaged.png", png(), DAMAGED),
        ("a.bmp", bmp(), CONVERTED),
        ("cut.bmp", bmp(cut=True), DAMAGED),
        ("a.gif", gif(), CONVERTED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_profile_is_used_or_told(tmp_path: Path, name: str, data: bytes, note: str) -> None:
    (tmp_path / name).write_bytes(data)
    decoded = decode_image(tmp_path / name)
    assert decoded.notes == (note,)
    with Image.open(tmp_path / name) as image:
        known = image.info.get("icc_profile")
        given = decode_image_like(image, "a")
        assert image.info.get("icc_profile") == known  # the caller's own is not touched
        plain = np.asarray(image.convert("RGB")).astype(int)
    np.testing.assert_array_equal(given.pixels, decoded.pixels)
    assert given.notes == decoded.notes
    assert (np.abs(decoded.pixels - plain).mean() > 20) == (note == CONVERTED)
