"""Polygons of what has one class, as GeoJSON, for geographic information systems.

They follow the edges of pixels, so that they become the label map again where they are drawn on its grid. Coordinates
are those of the picture's own reference system, which the member `crs` names as GeoJSON of 2008 has it, and GDAL and
QGIS read it: in the longitudes and latitudes of RFC 7946 the edges of pixels would be no straight lines any more. Of a
picture that lies nowhere on Earth they are pixels, x to the right and y down from its upper left corner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from hypsegcli.images.georeference import Georeference
from hypsegcli.images.tiff_write import encode_tiff
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product

_CRS84 = "urn:ogc:def:crs:OGC:1.3:CRS84"  # WGS 84 with longitude before latitude, as GeoJSON has them


class Polygons(Product):
    """A feature a polygon: 4-connected pixels of one label, with its id, name and colour; none of void."""

    kind = "polygons"
    formats = ("geojson",)
    made_with = ("rasterio", "hypseg[geo]")
    is_placed = True

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """In pixels."""
        return self.encode_at(photograph, prediction, (), context)

    def encode_at(self, photograph: RGB, prediction: Prediction, place: Georeference, context: Context) -> bytes:
        """A FeatureCollection, a line a feature."""
        crs, transform = _place_on_earth(place)
        head = {"type": "FeatureCollection"} | ({} if crs is None else {"crs": _named(crs)})
        text = json.dumps(head)[:-1] + ', "features": [\n'
        features = (json.dumps(feature, ensure_ascii=False) for feature in _features(prediction, context, transform))
        return (text + ",\n".join(features) + "\n]}\n").encode("utf-8", "replace")


def _features(prediction: Prediction, context: Context, transform: Any) -> Iterator[dict[str, Any]]:
    from rasterio.features import shapes

    for geometry, value in shapes(prediction.labels, mask=prediction.valid, connectivity=4, transform=transform):
        label = int(value)
        red, green, blue = context.palette[label].tolist()
        rings = [_turned(ring, number > 0) for number, ring in enumerate(geometry["coordinates"])]
        yield {
            "type": "Feature",
            "properties": {
                "id": label,
                "class": context.names[label],
                "color": f"#{red:02x}{green:02x}{blue:02x}",
            },
            "geometry": {**geometry, "coordinates": rings},
        }


def _turned(ring: list[tuple[float, float]], is_hole: bool) -> list[tuple[float, float]]:
    """A ring counterclockwise, as RFC 7946 has it, or clockwise where it is of a hole."""
    x, y = np.array(ring).T
    twice = float(((x[:-1] - x[0]) * (y[1:] - y[0]) - (x[1:] - x[0]) * (y[:-1] - y[0])).sum())
    return ring[::-1] if (twice < 0) != is_hole else ring


def _place_on_earth(place: Georeference) -> tuple[Any, Any]:
    """Reference system and transform of pixels, as GDAL reads the tags; None and that of pixels where they say none."""
    from rasterio import MemoryFile
    from rasterio.transform import IDENTITY

    if not place:
        return None, IDENTITY
    with MemoryFile(encode_tiff(np.zeros((1, 1), np.uint8), np.uint8, georeference=place)) as file, file.open() as told:
        return (told.crs, told.transform) if told.transform != IDENTITY else (None, IDENTITY)


def _named(crs: Any) -> dict[str, Any]:
    """A reference system as a member of GeoJSON of 2008, by its number of EPSG where it has one, else all of it."""
    number = crs.to_epsg()
    name = _CRS84 if number == 4326 else crs.to_wkt() if number is None else f"urn:ogc:def:crs:EPSG::{number}"
    return {"type": "name", "properties": {"name": name}}


PRODUCT = Polygons()
