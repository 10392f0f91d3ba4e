"""JPEG 2000 with a hole of zeros, and whole ones that have zeros of their own."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
