"""An uncertainty plane as a heatmap with a colour bar, alone or over its photograph."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hypsegcli.pictures.palette import RGB
from hypsegcli.pictures.panel import INK, PAPER, beside, panel_font

Valid = NDArray[np.bool_]

_BAR_COLORS = 256
_NO_DATA = 96  # the grey of pixels without any
_SHADE = 0.5  # of the heat where the photograph is black, and of the photograph where nothing is doubtful


def heatmap(plane: NDArray[np.float32], *, title: str, valid: Valid | None = None) -> RGB:
    """An uncertainty plane in [0, 1] as dark (sure) to bright (doubtful), with a colour bar from 0 to 1.

    Pixels that are not `valid` (H, W), for there are no data, are of a grey that is no heat's.
    """
    return beside(_neutral(doubt_colors(plane), valid), _color_bar(plane.shape[0], title, _inferno))


def heat_over(
    photograph: RGB, plane: NDArray[np.float32], *, title: str, bar: bool = True, valid: Valid | None = None
) -> RGB:
    """The same over its photograph (H, W, 3), which is dimmed and grey, with a `bar` of the heat over black to white.

    The photograph fades as doubt grows, and the heat takes its light and shade, so that things are seen under both.
    """
    grey = np.asarray(cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY), np.uint8)
    shown = _neutral(_glow(_levels(plane), grey), valid)
    return beside(shown, _color_bar(plane.shape[0], title, _glowing_ramp)) if bar else shown


def doubt_colors(plane: NDArray[np.float32]) -> RGB:
    """An uncertainty plane (H, W) in [0, 1] as dark (sure) to bright (doubtful), without a bar."""
    return _inferno(_levels(plane))


def _neutral(shown: RGB, valid: Valid | None) -> RGB:
    if valid is not None:
        shown[~valid] = _NO_DATA
    return shown


def _levels(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(255.0 * np.clip(plane, 0.0, 1.0)).astype(np.uint8)
    return levels


def _inferno(values: NDArray[np.uint8]) -> RGB:
    colored = cv2.applyColorMap(values, cv2.COLORMAP_INFERNO)
    return np.ascontiguousarray(colored[..., ::-1], dtype=np.uint8)


def _glow(levels: NDArray[np.uint8], grey: NDArray[np.uint8]) -> RGB:
    """Heat over a grey picture, both (H, W)."""
    light = cv2.addWeighted(grey, 1.0 - _SHADE, np.full_like(grey, 255), _SHADE, 0.0)
    heat = cv2.multiply(_inferno(levels), cv2.merge([light] * 3), scale=1.0 / 255.0)
    rest = cv2.multiply(grey, 255 - levels, scale=_SHADE / 255.0)
    return np.asarray(cv2.add(heat, cv2.merge([rest] * 3)), np.uint8)


def _glowing_ramp(levels: NDArray[np.uint8]) -> RGB:
    """Over black on the left, over white on the right."""
    rows, columns = levels.shape
    shades = np.linspace(0, 255, columns).round().astype(np.uint8)
    return _glow(levels, np.repeat(shades[None], rows, axis=0))


def _color_bar(height: int, title: str, paint: Callable[[NDArray[np.uint8]], RGB]) -> RGB:
    """A panel with a bar of doubts from 1 down to 0, in the colours that `paint` gives their levels."""
    font, size = panel_font(height)
    pad = size
    heading = round(2.2 * size)
    # A picture too low for a readable bar gets a panel higher than itself.
    bar_height = max(height - 2 * pad - heading, 7 * size)
    width = 2 * pad + round(max(font.getlength(title), 3 * size + font.getlength("1.00 doubtful")))
    # Most codecs of films want even sides.
    canvas = Image.new("RGB", (width + width % 2, bar_height + 2 * pad + heading), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((pad, pad), title, fill=INK, font=font)
    ramp = np.linspace(_BAR_COLORS - 1, 0, bar_height).round().astype(np.uint8)
    bar = Image.fromarray(paint(np.repeat(ramp[:, None], round(1.5 * size), axis=1)))
    top = pad + heading
    canvas.paste(bar, (pad, top))
    ticks = {1.0: "1.00 doubtful", 0.75: "0.75", 0.5: "0.50", 0.25: "0.25", 0.0: "0.00 sure"}
    for value, label in ticks.items():
        y = top + (1.0 - value) * (bar_height - 1)
        draw.line((pad + 1.5 * size, y, pad + 1.9 * size, y), fill=INK)
        draw.text((pad + 2.3 * size, y), label, fill=INK, font=font, anchor="lm")
    return np.asarray(canvas, dtype=np.uint8)
