"""Whole files of kinds that are not read: no damage, and a sentence that says which kind it is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def planes(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(values, 2, 0))


TIFFS: dict[str, tuple[NDArray[Any], dict[str, Any], str]] = {
    "jpeg 2000": (RGB, {"compression": "jpeg2000"}, "compressed as JPEG 2000"),
    "jpeg xl": (RGB, {"compression": "jpegxl"}, "compressed as JPEG XL"),
    "lerc": (RGB, {"compression": "lerc"}, "compressed as LERC"),
    "png": (RGB, {"compression": "png"}, "compressed as PNG"),
    "webp": (RGB, {"compression": "webp"}, "compressed as WebP"),
    "premultiplied planes": (
        planes(np.dstack([RGB, RGB[..., 0]])),
        {"planarconfig": "separate", "extrasamples": ["assocalpha"]},
        "unknown raw mode",
    ),
    "deep planes and infrared": (
        planes(np.dstack([RGB, RGB[..., 0]]).astype(np.uint16)),
        {"planarconfig": "separate", "extrasamples": ["unspecified"]},
        "unknown raw mode",
    ),
}


@pytest.mark.parametrize("kind", TIFFS)
def test_a_tiff_of_another_kind_is_unsupported(tmp_path: Path, kind: str) -> None:
    values, options, says = TIFFS[kind]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **options)
    with pytest.raises(ImageError, match=says) as caught:
        decode_image(tmp_path / "a.tif")
    assert caught.value.code == "unsupported"


def test_a_palette_without_colours_is_damage(tmp_path: Path) -> None:
    values = RGB[..., 0]
    colors = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="palette", colormap=colors, metadata=None)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        struct.pack_into("<H", data, file.pages.first.tags["ColorMap"].offset, 65001)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageError, match="header of the picture is damaged") as caught:
        decode_image(tmp_path / "a.tif")
    assert caught.value.code == "damaged"


def test_a_bitmap_of_rare_bits_is_unsupported(tmp_path: Path) -> None:
    body = bytes(64 * 48 * 2)
    head = struct.pack("<IiiHHIIiiII", 40, 64, 48, 1, 16, 3, len(body), 0, 0, 0, 0) + struct.pack(
        "<3I", 0xF00, 0xF0, 0xF
    )
    (tmp_path / "a.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 14 + len(head) + len(body), 0, 0, 66) + head + body)
    with pytest.raises(ImageError, match="Unsupported BMP bitfields") as caught:
        decode_image(tmp_path / "a.bmp")
    assert caught.value.code == "unsupported"
