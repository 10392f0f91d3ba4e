"""An uncertainty plane as a heatmap with a colour bar."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hypsegcli.pictures.palette import RGB
from hypsegcli.pictures.panel import INK, PAPER, beside, panel_font

_BAR_COLORS = 256


def heatmap(plane: NDArray[np.float32], *, title: str) -> RGB:
    """An uncertainty plane in [0, 1] as dark (sure) to bright (doubtful), with a colour bar from 0 to 1."""
    return beside(doubt_colors(plane), _color_bar(plane.shape[0], title))


def doubt_colors(plane: NDArray[np.float32]) -> RGB:
    """An uncertainty plane (H, W) in [0, 1] as dark (sure) to bright (doubtful), without a bar."""
    return _inferno(np.rint(255.0 * np.clip(plane, 0.0, 1.0)).astype(np.uint8))


def _inferno(values: NDArray[np.uint8]) -> RGB:
    colored = cv2.applyColorMap(values, cv2.COLORMAP_INFERNO)
    return np.ascontiguousarray(colored[..., ::-1], dtype=np.uint8)


def _color_bar(height: int, title: str) -> RGB:
    font, size = panel_font(height)
    pad = size
    heading = round(2.2 * size)
    # A picture too low for a readable bar gets a panel higher than itself.
    bar_height = max(height - 2 * pad - heading, 7 * size)
    width = 2 * pad + round(max(font.getlength(title), 3 * size + font.getlength("1.00 doubtful")))
    canvas = Image.new("RGB", (width, bar_height + 2 * pad + heading), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((pad, pad), title, fill=INK, font=font)
    ramp = np.linspace(_BAR_COLORS - 1, 0, bar_height).round().astype(np.uint8)
    bar = Image.fromarray(_inferno(np.repeat(ramp[:, None], round(1.5 * size), axis=1)))
    top = pad + heading
    canvas.paste(bar, (pad, top))
    ticks = {1.0: "1.00 doubtful", 0.75: "0.75", 0.5: "0.50", 0.25: "0.25", 0.0: "0.00 sure"}
    for value, label in ticks.items():
        y = top + (1.0 - value) * (bar_height - 1)
        draw.line((pad + 1.5 * size, y, pad + 1.9 * size, y), fill=INK)
        draw.text((pad + 2.3 * size, y), label, fill=INK, font=font, anchor="lm")
    return np.asarray(canvas, dtype=np.uint8)
