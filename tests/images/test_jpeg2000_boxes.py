"""What the header of a JP2 says of its channels, against what an encoder was given."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.image_like import decode_image_like

RGB = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
GREY = RGB[..., 0]
SRGB, LUMINANCE, CIELAB = 16, 17, 14


def box(kind: bytes, body: bytes | bytearray) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def jp2(values: NDArray[np.uint8], colr: bytes | int, cdef: list[tuple[int, int, int]] | None = None) -> bytes:
    """A JP2 of some channels, with an enumerated colour space or a colr box, and what it says of its channels."""
    height, width, number = values.shape
    if isinstance(colr, int):
        colr = struct.pack(">BBBI", 1, 0, 0, colr)
    header = box(b"ihdr", struct.pack(">IIHBBBB", height, width, number, 7, 7, 0, 0)) + box(b"colr", colr)
    if cdef is not None:
        header += box(b"cdef", struct.pack(">H", len(cdef)) + b"".join(struct.pack(">HHH", *entry) for entry in cdef))
    pixels = imagecodecs.jpeg2k_encode(np.ascontiguousarray(values.squeeze()), codecformat="j2k", level=0)
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return start + box(b"jp2h", header) + box(b"jp2c", pixels)


def decode(tmp_path: Path, data: bytes) -> Any:
    (tmp_path / "a.jp2").write_bytes(data)
    decoded = decode_image(tmp_path / "a.jp2")
    with Image.open(tmp_path / "a.jp2") as image:
        from_pillow = decode_image_like(image, "x")
    np.testing.assert_array_equal(from_pillow.pixels, decoded.pixels)
    assert from_pillow.notes == decoded.notes
    return decoded


@pytest.mark.parametrize("cdef", [None, [(0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 65535, 65535)]])
def test_a_fourth_channel_is_alpha_only_where_the_file_says_so(tmp_path: Path, cdef: Any) -> None:
    decoded = decode(tmp_path, jp2(np.dstack([RGB, GREY]), SRGB, cdef))
    np.testing.assert_array_equal(decoded.pixels, RGB)
    assert decoded.notes == ("1 further channel ignored",)


def test_grey_and_one_more_are_grey(tmp_path: Path) -> None:
    decoded = decode(tmp_path, jp2(np.dstack([GREY, RGB[..., 1]]), LUMINANCE))
    np.testing.assert_array_equal(decoded.pixels, np.repeat(GREY[..., None], 3, axis=2))
    assert decoded.notes == ("1 further channel ignored",)


@pytest.mark.parametrize("where", [0, 3])
@pytest.mark.parametrize("kind", [1, 2])
def test_alpha_is_shown_on_white_wherever_it_lies(tmp_path: Path, kind: int, where: int) -> None:
    alpha = np.full(GREY.shape, 128, np.uint8)
    stored = RGB if kind == 1 else (RGB // 2)
    colors = [(channel + (where == 0), 0, channel + 1) for channel in range(3)]
    values = np.dstack([alpha, stored] if where == 0 else [stored, alpha])
    decoded = decode(tmp_path, jp2(values, SRGB, [*colors, (where, kind, 0)]))
    wanted = RGB * (128 / 255) + 255 * (127 / 255) if kind == 1 else stored + 127.0
    assert np.abs(decoded.pixels - wanted).max() <= 3
    assert decoded.notes == ("transparent pixels shown on white",)


def test_the_order_of_colours_is_that_of_the_file(tmp_path: Path) -> None:
    decoded = decode(tmp_path, jp2(RGB[..., ::-1], SRGB, [(0, 0, 3), (1, 0, 2), (2, 0, 1)]))
    np.testing.assert_array_equal(decoded.pixels, RGB)
    assert decoded.notes == ()


@pytest.mark.parametrize(
    ("colr", "cdef", "says"),
    [
        (CIELAB, None, "enumerated colour space 14"),
        (b"\2\0\0" + bytes(16) + b"Lab " + bytes(200), None, "CIELAB by its colour profile"),
        (b"\2\0\0" + bytes(16) + b"CMYK" + bytes(200), None, "CMYK by its colour profile"),
        (SRGB, [(0, 0, 1), (1, 0, 2), (7, 0, 3)], "contradict each other"),
        (SRGB, [(0, 0, 1), (1, 0, 2), (2, 1, 0)], "contradict each other"),
    ],
)
def test_other_colours_are_told(tmp_path: Path, colr: bytes | int, cdef: Any, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        decode(tmp_path, jp2(RGB, colr, cdef))


def test_a_colour_profile_counts_as_in_any_other_file(tmp_path: Path) -> None:
    grey_gamma = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(grey_gamma)  # red and green: a profile of other colours than sRGB
    tags = {
        bytes(swapped[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(swapped[128:132], "big"), 12)
    }
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    swapped[red + 4 : red + 12], swapped[green + 4 : green + 12] = (
        swapped[green + 4 : green + 12],
        swapped[red + 4 : red + 12],
    )
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG", icc_profile=bytes(swapped))
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    wanted = decode_image(tmp_path / "a.png")
    decoded = decode(tmp_path, jp2(RGB, b"\2\0\0" + bytes(swapped)))
    np.testing.assert_array_equal(decoded.pixels, wanted.pixels)
    assert decoded.notes == wanted.notes == ("colours converted to sRGB from the profile in the file",)
    assert decode(tmp_path, jp2(RGB, b"\2\0\0" + grey_gamma)).notes == ()
    assert decode(tmp_path, jp2(RGB, b"\2\0\0" + bytes(60))).notes == ("damaged colour profile ignored",)
