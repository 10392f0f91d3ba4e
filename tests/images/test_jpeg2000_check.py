"""JPEG 2000 with a hole of zeros, and whole ones that have zeros of their own."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagecodecs import jpeg2k_encode
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.jpeg2000_check import check_jpeg2000

LAYERS = {"quality_mode": "rates", "quality_layers": [200 / 1.3**layer for layer in range(20)]}
KINDS: dict[str, dict[str, Any]] = {
    "lossless": {},
    "lossy": {"irreversible": True, "quality_layers": [20]},
    "bare": {"no_jp2": True},
    "layers": LAYERS,
    "tiles": {"tile_size": (128, 128)},
    "precincts": {"precinct_size": (128, 128)},
    "all of it": {**LAYERS, "tile_size": (256, 256), "precinct_size": (64, 64), "progression": "RPCL"},
}


def scene(width: int = 480, height: int = 360) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 12, (height, width, 3))
    slope = np.linspace(60, 200, width)[None, :, None]
    return Image.fromarray(np.clip(noise + slope, 0, 255).astype(np.uint8))


def encode(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG2000", **KINDS[kind])
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["lossless", "lossy", "bare", "tiles", "precincts"])
def test_a_hole_is_damage(tmp_path: Path, kind: str) -> None:
    data, draw, path = encode(scene(), kind), random.Random(0), tmp_path / "a.jp2"
    for size in (512, 4096):
        for _ in range(6):
            start = draw.randrange(400, len(data) - size - 2)
            path.write_bytes(data[:start] + bytes(size) + data[start + size :])
            with pytest.raises(ImageError, match=r"truncated|damaged"):
                decode_image(path)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_ones_pass_however_flat(kind: str) -> None:
    half = scene()
    half.paste("black", (0, 0, 480, 180))
    for image in (scene(), half, Image.new("RGB", (640, 480), "black"), Image.new("L", (300, 200), "white")):
        check_jpeg2000("a.jp2", encode(image, kind), image.mode)


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("channels", [1, 3])
def test_fewer_bits_than_eight_are_refused_since_white_comes_out_grey(tmp_path: Path, channels: int, bits: int) -> None:
    white = np.full((64, 64) if channels == 1 else (64, 64, 3), 2**bits - 1, np.uint8)
    path = tmp_path / "a.jp2"
    path.write_bytes(jpeg2k_encode(white, bitspersample=bits, level=0, reversible=True))
    with pytest.raises(ImageError, match=rf"JPEG 2000 with {bits} bits? a sample cannot be read") as caught:
        decode_image(path)
    assert caught.value.code == "unsupported"


def test_every_channel_counts() -> None:
    data = bytearray(encode(scene(), "bare"))
    data[42 + 3 * 2] = 3  # bits of the third, less one
    with pytest.raises(ImageError, match="with 4 bits a sample"):
        check_jpeg2000("a.j2k", bytes(data), "RGB")
