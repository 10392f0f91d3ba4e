"""BMPs of 1, 4 and 8 bits with palettes of greys: pixels are indices, as OpenCV reads them too."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.images.image_like import decode_image_like

H, W = 9, 13
TWO, RAMP = [0, 255], list(range(16))
CORE = 12


def bmp(ids: NDArray[np.uint8], bits: int, greys: list[int], *, header: int = 40, packed: bool = False) -> bytes:
    """A BMP from the bottom up, `packed` as runs of one pixel each."""
    rows = []
    for row in ids[::-1]:
        digits = np.unpackbits(row[:, None], axis=1)[:, 8 - bits :]
        line = np.packbits(digits).tobytes()
        runs = b"".join(bytes((1, value << (8 - bits))) for value in row.tolist()) + b"\0\0"
        rows.append(runs if packed else line + b"\0" * (-len(line) % 4))
    pixels = b"".join(rows) + (b"\0\1" if packed else b"")
    palette = b"".join(bytes((grey,) * 3 + ((0,) if header > CORE else ())) for grey in greys)
    start = 14 + header + len(palette)
    compression = {8: 1, 4: 2}[bits] if packed else 0
    info = struct.pack("<IHHHH", CORE, W, H, 1, bits)
    if header > CORE:
        info = struct.pack("<IiiHHIIiiII", header, W, H, 1, bits, compression, len(pixels), 0, 0, len(greys), 0)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info.ljust(header, b"\0") + palette + pixels


@pytest.mark.parametrize("header", [40, 124])
@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("greys", [TWO, RAMP, [0, 128, 255], [0], [9, 0]], ids=str)
def test_pixels_are_indices_of_the_palette(tmp_path: Path, greys: list[int], bits: int, header: int) -> None:
    path = tmp_path / "a.bmp"
    ids = np.random.default_rng(0).integers(0, min(len(greys), 2**bits), (H, W), np.uint8)
    path.write_bytes(bmp(ids, bits, greys, header=header))
    wanted = np.array(greys, np.uint8)[ids]
    if header == 40:
        np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), wanted)
    np.testing.assert_array_equal(decode_mask(path), ids)
    np.testing.assert_array_equal(decode_image(path).pixels, np.repeat(wanted[:, :, None], 3, axis=2))
    with Image.open(path) as image:
        np.testing.assert_array_equal(decode_image_like(image, "a").pixels[:, :, 0], wanted)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("greys", [TWO, RAMP], ids=str)
def test_runs_are_indices_too(tmp_path: Path, greys: list[int], bits: int) -> None:
    ids = np.random.default_rng(0).integers(0, len(greys), (H, W), np.uint8)
    (tmp_path / "a.bmp").write_bytes(bmp(ids, bits, greys, packed=True))
    np.testing.assert_array_equal(decode_mask(tmp_path / "a.bmp"), ids)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_oldest_header_has_three_bytes_a_colour(tmp_path: Path, bits: int) -> None:
    greys = list(range(2**bits))
    ids = np.random.default_rng(0).integers(0, len(greys), (H, W), np.uint8)
    (tmp_path / "a.bmp").write_bytes(bmp(ids, bits, greys, header=CORE))
    np.testing.assert_array_equal(decode_mask(tmp_path / "a.bmp"), ids)
    np.testing.assert_array_equal(decode_image(tmp_path / "a.bmp").pixels[:, :, 0], ids)
