"""Where on Earth a picture lies, from a GeoTIFF to the maps of it: OGC GeoTIFF 1.1, annex on tags.

What GDAL says besides of the samples is not carried, for maps have other samples. Which value of the picture stands
for no measurement is for `images.nodata`.
"""

from __future__ import annotations

from collections.abc import Callable

SHORT, ASCII, DOUBLE = 3, 2, 12
# ModelPixelScale, ModelTiepoint, ModelTransformation, GeoKeyDirectory, GeoDoubleParams, GeoAsciiParams
_KINDS = {33550: DOUBLE, 33922: DOUBLE, 34264: DOUBLE, 34735: SHORT, 34736: DOUBLE, 34737: ASCII}

Georeference = tuple[tuple[int, int, tuple[float, ...] | bytes], ...]  # tag, type and values, by tag


def georeference(value_of: Callable[[int], object]) -> Georeference:
    """The tags that are there, of a function that gives their values and None for one that is not."""
    found: list[tuple[int, int, tuple[float, ...] | bytes]] = []
    for tag, kind in _KINDS.items():
        value = value_of(tag)
        if kind == ASCII and isinstance(value, str):
            found.append((tag, kind, value.rstrip("\0").encode("ascii", "replace") + b"\0"))
        elif kind == DOUBLE and isinstance(value, tuple):
            found.append((tag, kind, tuple(map(float, value))))
        elif kind == SHORT and isinstance(value, tuple) and all(0 <= number < 2**16 for number in value):
            found.append((tag, kind, tuple(map(int, value))))
    return tuple(found)
