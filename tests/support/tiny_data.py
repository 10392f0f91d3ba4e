"""A tiny data set that a network can learn in a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NAMES = ("dark", "red", "green")


def scene(height: int, width: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A photograph whose colours say its classes, and its mask; a strip of void below."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, len(NAMES), (-(-height // 16), -(-width // 16)), np.uint8)
    mask = cells.repeat(16, 0).repeat(16, 1)[:height, :width]
    colors = np.array([(30, 30, 30), (200, 40, 40), (40, 200, 40)])
    photo = np.clip(colors[mask] + rng.integers(-20, 20, (height, width, 3)), 0, 255).astype(np.uint8)
    mask[-4:] = 255
    return photo, mask


def put(folder: Path, stem: str, photo: NDArray[np.uint8] | None, mask: NDArray[np.integer] | None) -> None:
    """Write what is given of a pair."""
    for kind, pixels in (("images", photo), ("masks", mask)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        if pixels is not None:
            Image.fromarray(pixels).save(folder / kind / f"{stem}.png")


def make_data(folder: Path, *, train: int = 6, val: int = 2, size: tuple[int, int] = (64, 80)) -> Path:
    """A data folder with some pairs."""
    for name, count, first in (("train", train, 0), ("val", val, 100)):
        for index in range(count):
            put(folder / name, f"{index:02}", *scene(*size, first + index))
    (folder / "classes.txt").write_text("".join(f"{index}:{name}\n" for index, name in enumerate(NAMES)))
    return folder
