"""A figure as SVG: one file that needs no other, valid XML, letters as letters."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.pictures.drawing.figure import Circle, Color, Figure, Line, Mark, Picture, Text
from hypsegcli.pictures.drawing.markup import element

_HALO = 0.22  # of the letters' size


def encode_svg(figure: Figure, *, scale: float = 1.0) -> bytes:
    """UTF-8 text of the figure; a browser shows a unit `scale` CSS pixels large."""
    drawn = Markup("\n").join(
        [
            element("title", figure.title),
            element("rect", width=figure.width, height=figure.height, fill="#ffffff"),
            *map(_mark, figure.marks),
        ]
    )
    svg = element(
        "svg",
        drawn,
        xmlns="http://www.w3.org/2000/svg",
        width=scale * figure.width,
        height=scale * figure.height,
        viewBox=f"0 0 {figure.width} {figure.height}",
        font_family="Helvetica, Arial, sans-serif",
        role="img",
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n'.encode()


def _mark(mark: Mark) -> Markup:
    match mark:
        case Picture():
            return element(
                "image",
                x=mark.x,
                y=mark.y,
                width=mark.width,
                height=mark.height,
                preserveAspectRatio="none",
                href=_data(mark.pixels),
            )
        case Line():
            dash: dict[str, str | float] = (
                {} if mark.dash is None else {"stroke_dasharray": f"{mark.dash[0]:g} {mark.dash[1]:g}"}
            )
            d = "M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in mark.points)
            return element(
                "path",
                d=d,
                fill="none",
                stroke=_hex(mark.color),
                stroke_width=mark.width,
                **dash,
            )
        case Circle():
            stroke: dict[str, str | float] = (
                {} if mark.stroke is None else {"stroke": _hex(mark.stroke), "stroke_width": mark.width}
            )
            return element("circle", cx=mark.x, cy=mark.y, r=mark.radius, fill=_hex(mark.fill), **stroke)
        case Text():
            halo: dict[str, str | float] = {"stroke": "#ffffff", "stroke_width": _HALO * mark.size}
            halo |= {"paint_order": "stroke", "stroke_linejoin": "round"}
            return element(
                "text",
                mark.words,
                x=mark.x,
                y=mark.y,
                font_size=mark.size,
                fill=_hex(mark.color),
                text_anchor=mark.anchor,
                **(halo if mark.halo else {}),
            )


def _hex(color: Color | None) -> str:
    return "none" if color is None else "#{:02x}{:02x}{:02x}".format(*color)


def _data(pixels: NDArray[np.uint8]) -> str:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode("ascii")
