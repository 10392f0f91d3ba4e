"""JPEGs in a TIFF that say what colours they have: the TIFF says the same, or neither is believed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.tiff_read import TiffRows

H, W = 64, 96


def scene() -> NDArray[np.uint8]:
    y, x = np.mgrid[:H, :W]
    return np.stack([x * 255 // (W - 1), y * 255 // (H - 1), 255 - (x + y) * 255 // (W + H - 2)], axis=2).astype(
        np.uint8
    )


def by_pillow(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0, **options)
    return buffer.getvalue()


def without_markers(data: bytes, *, adobe: int | None = None) -> bytes:
    """The JPEG without JFIF's marker, with one of Adobe's in its place."""
    assert data[2:4] == b"\xff\xe0"
    rest = data[4 + int.from_bytes(data[4:6], "big") :]
    return b"\xff\xd8" + (b"" if adobe is None else b"\xff\xee\0\x0eAdobe\0\x64" + bytes(4) + bytes([adobe])) + rest


def in_tiff(path: Path, jpeg: bytes, photometric: str, *, channels: int = 3) -> Path:
    tifffile.imwrite(
        path,
        iter([jpeg]),
        shape=(H, W, channels),
        dtype=np.uint8,
        photometric="rgb" if channels == 3 else "separated",
        compression="jpeg",
        rowsperstrip=H,
        subsampling=(1, 1),
        metadata=None,
    )
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(
            {"rgb": 2, "separated": 5, "ycbcr": 6}[photometric]
        )
    return path


YCBCR = by_pillow(Image.fromarray(scene()))
RGB = bytes(imagecodecs.jpeg_encode(scene(), level=95, colorspace="rgb", outcolorspace="rgb"))
CMYK = np.dstack([255 - scene(), np.zeros((H, W), np.uint8)])


@pytest.mark.parametrize(
    ("jpeg", "photometric", "said"),
    [
        (YCBCR, "rgb", "are RGB, and the JPEGs in it that theirs are YCbCr"),
        (without_markers(YCBCR, adobe=1), "rgb", "are RGB, and the JPEGs in it that theirs are YCbCr"),
        (RGB, "ycbcr", "are YCbCr, and the JPEGs in it that theirs are RGB"),
        (without_markers(YCBCR, adobe=0), "ycbcr", "are YCbCr, and the JPEGs in it that theirs are RGB"),
    ],
)
def test_a_jpeg_that_contradicts_its_tiff_is_refused(tmp_path: Path, jpeg: bytes, photometric: str, said: str) -> None:
    path = in_tiff(tmp_path / "a.tif", jpeg, photometric)
    with pytest.raises(ImageError, match=said) as caught:
        decode_image(path)
    assert caught.value.code == "unsupported"
    with pytest.raises(ImageError, match=said), TiffRows(path) as rows:
        rows[0:H]


@pytest.mark.parametrize(
    ("jpeg", "photometric"),
    [(YCBCR, "ycbcr"), (without_markers(YCBCR), "ycbcr"), (without_markers(YCBCR, adobe=1), "ycbcr"), (RGB, "rgb")],
)
def test_a_jpeg_that_says_the_same_or_nothing_is_read_alike_whole_and_by_rows(
    tmp_path: Path, jpeg: bytes, photometric: str
) -> None:
    path = in_tiff(tmp_path / "a.tif", jpeg, photometric)
    whole = decode_image(path).pixels
    assert np.abs(whole.astype(int) - scene()).max() < 16
    with TiffRows(path) as rows:
        assert np.abs(whole.astype(int) - rows[0:H]).max() <= 2


def test_inks_that_are_stored_as_other_colours(tmp_path: Path) -> None:
    plain = bytes(imagecodecs.jpeg_encode(CMYK, level=95, colorspace="cmyk", outcolorspace="cmyk"))
    whole = decode_image(in_tiff(tmp_path / "a.tif", plain, "separated", channels=4)).pixels
    assert np.abs(whole.astype(int) - scene()).max() < 16
    mixed = bytes(imagecodecs.jpeg_encode(CMYK, level=95, colorspace="cmyk", outcolorspace="ycck"))
    with pytest.raises(ImageError, match="are CMYK, and the JPEGs in it that theirs are YCCK"):
        decode_image(in_tiff(tmp_path / "a.tif", mixed, "separated", channels=4))
