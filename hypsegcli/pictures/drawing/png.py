"""A figure as pixels: lines by OpenCV, which places them between pixels, letters by Pillow's own font."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hypsegcli.pictures.drawing.figure import WHITE, Circle, Color, Figure, Line, Picture, Text

RGB = NDArray[np.uint8]

_LARGER = 2  # drawn so many times larger, then reduced
_SHIFT = 4  # binary digits of a coordinate below one pixel
_SPREAD = 1.35  # pixels that the smooth edges of OpenCV's polygons add to the width of a strip, measured
_CORNERS = 361  # of a circle
_HALO = 0.11  # of the letters' size, on each side
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def draw_figure(figure: Figure, *, scale: float = 1.0) -> RGB:
    """The figure (H, W, 3), `scale` pixels a unit."""
    width, height = round(scale * figure.width), round(scale * figure.height)
    pen = _Pen(np.full((_LARGER * height, _LARGER * width, 3), WHITE, np.uint8), _LARGER * scale)
    for mark in figure.marks:
        match mark:
            case Picture():
                pen.picture(mark)
            case Line():
                pen.line(mark)
            case Circle():
                pen.circle(mark)
            case Text():
                pen.text(mark)
    return cv2.resize(pen.canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def dashes(points: NDArray[np.float64], stroke: float, gap: float) -> Iterator[NDArray[np.float64]]:
    """The strokes of a dashed line through points (n, 2), each (m, 2), as SVG's stroke-dasharray has them."""
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    for start in np.arange(0.0, run[-1], stroke + gap):
        stop = min(start + stroke, run[-1])
        at = np.concatenate([[start], run[(run > start) & (run < stop)], [stop]])
        yield np.stack([np.interp(at, run, points[:, axis]) for axis in (0, 1)], axis=1)


def outline(points: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """(2 n, 2) corners of the strip along a line through points (n, 2); its width is never quite 0."""
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    aside = 0.5 * max(width, 0.1) * np.stack([-along[:, 1], along[:, 0]], axis=1)
    return np.concatenate([points + aside, (points - aside)[::-1]])


class _Pen(NamedTuple):
    """Draws marks on a canvas (H, W, 3), `scale` pixels a unit."""

    canvas: RGB
    scale: float

    def picture(self, mark: Picture) -> None:
        corners = (mark.x, mark.y, mark.x + mark.width, mark.y + mark.height)
        left, top, right, bottom = (round(self.scale * value) for value in corners)
        size = (max(1, right - left), max(1, bottom - top))
        # Pillow resizes RGBA with colours weighted by opacity, so that what cannot be seen does not bleed in.
        image = Image.fromarray(mark.pixels).resize(size, Image.Resampling.BICUBIC)
        ground = Image.fromarray(self.canvas[top : top + size[1], left : left + size[0]])
        ground.paste(image, mask=image if image.mode == "RGBA" else None)
        self.canvas[top : top + size[1], left : left + size[0]] = np.asarray(ground)

    def line(self, mark: Line) -> None:
        for part in [mark.points] if mark.dash is None else dashes(mark.points, *mark.dash):
            self.fill(outline(self.scale * part, self.scale * mark.width - _SPREAD), mark.color)

    def circle(self, mark: Circle) -> None:
        angle = np.linspace(0.0, 2.0 * math.pi, _CORNERS)
        edge = np.array([mark.x, mark.y]) + mark.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        if mark.fill is not None:
            self.fill(self.scale * edge, mark.fill)
        if mark.stroke is not None:
            self.line(Line(edge, mark.stroke, mark.width))

    def fill(self, corners: NDArray[np.float64], color: Color) -> None:
        # OpenCV counts from the middle of the first pixel and not from its corner.
        fixed = np.rint((corners - 0.5) * 2**_SHIFT).astype(np.int32)
        cv2.fillPoly(self.canvas, [fixed], color, cv2.LINE_AA, _SHIFT)

    def text(self, mark: Text) -> None:
        font = ImageFont.load_default(self.scale * mark.size)
        halo = self.scale * _HALO * mark.size if mark.halo else 0.0
        at, anchor = (self.scale * mark.x, self.scale * mark.y), _ANCHORS[mark.anchor]
        box = font.getbbox(mark.words, anchor=anchor, stroke_width=halo)
        left, top = (max(0, math.floor(at[axis] + box[axis]) - 1) for axis in (0, 1))
        right, bottom = (max(0, math.ceil(at[axis] + box[axis + 2]) + 1) for axis in (0, 1))
        ground = Image.fromarray(self.canvas[top:bottom, left:right])
        ImageDraw.Draw(ground).text(
            (at[0] - left, at[1] - top),
            mark.words,
            fill=mark.color,
            font=font,
            anchor=anchor,
            stroke_width=halo,
            stroke_fill=WHITE,
        )
        self.canvas[top:bottom, left:right] = np.asarray(ground)
