"""A panel beside a picture, for its legend or colour bar."""

from __future__ import annotations

import numpy as np
from PIL import ImageFont

from hypsegcli.pictures.palette import RGB

PAPER, INK, FAINT = (255, 255, 255), (30, 30, 30), (110, 110, 110)


def panel_font(height: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, int]:
    """A font for a picture of some height, and its size in pixels."""
    size = int(np.clip(height / 28, 11, 40))
    return ImageFont.load_default(size), size


def beside(picture: RGB, panel: RGB) -> RGB:
    """Picture and panel side by side, the lower one filled up with paper."""
    height = max(picture.shape[0], panel.shape[0])
    canvas = np.full((height, picture.shape[1] + panel.shape[1], 3), PAPER, dtype=np.uint8)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    canvas[: panel.shape[0], picture.shape[1] :] = panel
    return canvas
