"""PNGs that end well and too soon."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.color_mask import decode_mask_colors
from hypsegcli.images.decode import decode_image, decode_mask

H, W = 21, 30
PIXELS = np.random.default_rng(0).integers(1, 256, (H, W, 3), dtype=np.uint8)


def png(raw: bytes, *, interlaced: bool = False) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def rows(pixels: NDArray[np.uint8], *, interlaced: bool) -> bytes:
    steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [pixels[top::down, left::across] for left, top, across, down in steps] if interlaced else [pixels]
    return b"".join(b"\0" + row.tobytes() for part in parts for row in part)


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_without_its_last_rows_is_truncated(tmp_path: Path, interlaced: bool) -> None:
    raw, path = rows(PIXELS, interlaced=interlaced), tmp_path / "a.png"
    path.write_bytes(png(raw, interlaced=interlaced))
    np.testing.assert_array_equal(decode_image(path).pixels, PIXELS)
    line = 1 + 3 * W
    for lost in (1, 2, 5, 9):
        path.write_bytes(png(raw[: -lost * line], interlaced=interlaced))
        with pytest.raises(ImageError, match="truncated") as caught:
            decode_image(path)
        assert caught.value.code == "truncated"


@pytest.mark.parametrize("decode", [decode_image, decode_mask, decode_mask_colors])
def test_pixels_of_another_sum_are_damaged(tmp_path: Path, decode: Callable[[Path], object]) -> None:
    """Zeros from some sector on, as an interrupted copy leaves them, can mostly be inflated: they are literal zeros."""
    path, grey = tmp_path / "a.png", np.repeat(PIXELS[:, :, :1] & 3, 3, axis=2)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    whole = buffer.getvalue()
    path.write_bytes(whole)
    decode(path)
    inflated = 0
    for at in range(whole.index(b"IDAT") + 8, len(whole) - 16):
        for damaged in (whole[:at] + bytes(len(whole) - at), whole[:at] + bytes(8) + whole[at + 8 :]):
            path.write_bytes(damaged)
            with contextlib.suppress(OSError, SyntaxError), Image.open(path) as image:
                image.load()
                inflated += 1
            with pytest.raises(ImageError) as caught:
                decode(path)
            assert caught.value.code in {"damaged", "truncated"}
    assert inflated  # Pillow, that is, makes a picture of some


@pytest.mark.parametrize("interlaced", [False, True])
def test_black_rows_at_the_end_are_rows(tmp_path: Path, interlaced: bool) -> None:
    black = PIXELS.copy()
    black[5:] = 0
    (tmp_path / "a.png").write_bytes(png(rows(black, interlaced=interlaced), interlaced=interlaced))
    np.testing.assert_array_equal(decode_image(tmp_path / "a.png").pixels, black)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (9, 1), (1, 9), (40, 30)])
def test_black_pictures_of_every_kind_pass(tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    assert decode_image(tmp_path / "a.png").pixels.shape == (size[1], size[0], 3)
