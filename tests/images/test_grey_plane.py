"""Planes in pictures: the greys that were drawn, or a sentence, whatever a tool makes of them without losing any."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.errors import ColorError, ImageError
from hypsegcli.images.grey_plane import decode_grey_plane

EIGHT = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
SIXTEEN = (EIGHT.astype(np.uint16) * 257) + np.uint16(3)
BLACK_AND_WHITE = np.where(EIGHT > 99, np.uint8(255), np.uint8(0))


def netpbm(path: Path, values: NDArray[Any], maxval: int) -> Path:
    body = values.astype(">u2" if maxval > 255 else "u1").tobytes()
    path.write_bytes(f"P5 {values.shape[1]} {values.shape[0]} {maxval}\n".encode() + body)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp"])
def test_eight_bits_reach_from_black_to_white(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    for values in (EIGHT, np.dstack([EIGHT] * 3), BLACK_AND_WHITE.astype(np.uint8) | np.uint8(1)):
        Image.fromarray(values).save(path, lossless=True)
        read = decode_grey_plane(path)
        assert read.dtype == np.uint16
        np.testing.assert_array_equal(read, (values if values.ndim == 2 else EIGHT) * 257.0)


def test_sixteen_bits_are_as_they_are(tmp_path: Path) -> None:
    for suffix in (".png", ".tif"):
        Image.fromarray(SIXTEEN).save(tmp_path / f"a{suffix}")
        np.testing.assert_array_equal(decode_grey_plane(tmp_path / f"a{suffix}"), SIXTEEN)
    np.testing.assert_array_equal(decode_grey_plane(netpbm(tmp_path / "a.pgm", SIXTEEN, 65535)), SIXTEEN)


def write_bits(path: Path, bits: int) -> None:
    """A PNG of 1, 2 or 4 bits of grey, as those that make files smaller write black and white."""
    rows = np.unpackbits(BLACK_AND_WHITE[:, :, None] // 255 * 255, axis=2)[:, :, :bits].reshape(12, -1)
    body = b"".join(b"\0" + np.packbits(row).tobytes() for row in rows)

    def chunk(kind: bytes, held: bytes) -> bytes:
        return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))

    head = struct.pack(">IIBBBBB", 20, 12, bits, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_fewer_bits_are_no_levels_of_eight(tmp_path: Path, bits: int) -> None:
    write_bits(tmp_path / "a.png", bits)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.array(image.convert("L")), BLACK_AND_WHITE)
    tifffile.imwrite(tmp_path / "a.tif", BLACK_AND_WHITE > 0, photometric="minisblack")
    for name in ("a.png", "a.tif") if bits == 1 else ("a.png",):
        with pytest.raises(ImageError, match=rf"{name}: .*grey of 8 or 16 bits, this is one of {bits}-bit values"):
            decode_grey_plane(tmp_path / name)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".gif", ".bmp"])
def test_indices_of_a_palette_are_no_greys(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(EIGHT).quantize(16, dither=Image.Dither.NONE).save(path)
    with pytest.raises(ImageError, match="palette, whose indices are no greys"):
        decode_grey_plane(path)


@pytest.mark.parametrize("maxval", [1, 100, 254, 256, 1000, 4095, 65534])
def test_another_largest_value_is_another_white(tmp_path: Path, maxval: int) -> None:
    with pytest.raises(ImageError, match=f"this is one whose largest value is {maxval}; save it as"):
        decode_grey_plane(netpbm(tmp_path / "a.png", np.minimum(SIXTEEN // 257, maxval), maxval))


@pytest.mark.parametrize(
    ("dtype", "sentence"),
    [("int8", "have a sign"), ("int16", "have a sign"), ("int32", "have a sign"), ("uint32", "32-bit values")],
)
def test_values_of_unknown_range(tmp_path: Path, dtype: str, sentence: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", (EIGHT // 2).astype(dtype), photometric="minisblack")
    with pytest.raises(ImageError, match=sentence):
        decode_grey_plane(tmp_path / "a.tif")


def test_floating_point_and_zero_as_white(tmp_path: Path) -> None:
    for values, kind in ((EIGHT / np.float32(255), "minisblack"), (EIGHT, "miniswhite"), (SIXTEEN, "miniswhite")):
        tifffile.imwrite(tmp_path / "a.tif", values, photometric=kind)
        with pytest.raises(ImageError, match="32-bit values" if values.dtype == np.float32 else "zero means white"):
            decode_grey_plane(tmp_path / "a.tif")


def test_colour_lossy_and_many(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([EIGHT, EIGHT, EIGHT + np.uint8(1)])).save(tmp_path / "a.png")
    with pytest.raises(ColorError, match="colour picture"):
        decode_grey_plane(tmp_path / "a.png")
    Image.fromarray(EIGHT).save(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="JPEG does not keep exact values, so the values are not certain"):
        decode_grey_plane(tmp_path / "a.jpg")
    tifffile.imwrite(tmp_path / "a.tif", np.stack([EIGHT, EIGHT]), photometric="minisblack")
    with pytest.raises(ImageError, match="a file of 2 frames"):
        decode_grey_plane(tmp_path / "a.tif")
