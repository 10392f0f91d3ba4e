"""Polygons, drawn again on the grid that they are from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, prediction

from hypsegcli.inference.nodata import leave_void
from hypsegcli.products.polygons import PRODUCT
from hypsegcli.products.product import Context

rasterio = pytest.importorskip("rasterio")
features = pytest.importorskip("rasterio.features")

CONTEXT = Context.of(HEADER, "")
LABELS = np.kron(
    np.random.default_rng(3).integers(0, 3, (HEIGHT // 4, WIDTH // 4), np.uint8), np.ones((4, 4), np.uint8)
)
LABELS[8:16, 8:16], LABELS[10:12, 10:12] = 1, 2  # with a hole
SCALE = (33550, 12, (0.1, 0.1, 0.0))
TIE = (33922, 12, (0.0, 0.0, 0.0, 500000.3, 4649776.7, 0.0))


def keys(*pairs: int) -> Any:
    return (
        34735,
        3,
        (1, 1, 0, len(pairs) // 2, *(n for k in range(0, len(pairs), 2) for n in (pairs[k], 0, 1, pairs[k + 1]))),
    )


PLACES = {
    "utm": (SCALE, TIE, keys(1024, 1, 1025, 1, 3072, 32633)),
    "point": (SCALE, TIE, keys(1024, 1, 1025, 2, 3072, 32633)),  # pixels are points: half a pixel aside
    "degrees": (
        (33550, 12, (1e-5, 2e-5, 0.0)),
        (33922, 12, (0.0, 0.0, 0.0, 11.57, 48.13, 0.0)),
        keys(1024, 2, 2048, 4326),
    ),
    "turned": ((34264, 12, (0.3, 0.4, 0, 1000.0, 0.4, -0.3, 0, 2000.0, *[0.0] * 7, 1.0)), keys(1024, 1, 3072, 25832)),
    "nowhere": (),
}


def written(place: Any, **changes: Any) -> tuple[dict[str, Any], np.ndarray]:
    told = leave_void(prediction(labels=LABELS), changes.get("valid"), nodes=3, prototypes=0)
    return json.loads(PRODUCT.encode_at(PHOTOGRAPH, told, place, CONTEXT)), told.labels


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("lacking", [False, True])
def test_drawn_again_they_are_the_label_map(name: str, lacking: bool) -> None:
    from hypsegcli.images.tiff_write import encode_tiff

    valid = np.random.default_rng(5).random(LABELS.shape) < 0.9 if lacking else None
    found, labels = written(PLACES[name], valid=valid)
    shapes = [(feature["geometry"], feature["properties"]["id"]) for feature in found["features"]]
    transform = rasterio.transform.IDENTITY
    if PLACES[name]:
        with rasterio.MemoryFile(encode_tiff(LABELS, np.uint8, georeference=PLACES[name])) as file, file.open() as map_:
            transform, crs = map_.transform, map_.crs
        said = found["crs"]["properties"]["name"]
        assert rasterio.crs.CRS.from_user_input(said.replace("OGC:1.3:CRS84", "EPSG::4326")) == crs
    else:
        assert "crs" not in found
    drawn = features.rasterize(shapes, LABELS.shape, fill=255, transform=transform, dtype="uint8")
    np.testing.assert_array_equal(drawn, labels)


@pytest.mark.parametrize("name", PLACES)
def test_a_feature_says_what_it_is_and_rings_turn_as_they_should(name: str) -> None:
    found, _ = written(PLACES[name])
    with_hole = [each for each in found["features"] if len(each["geometry"]["coordinates"]) > 1]
    assert with_hole
    for feature in found["features"]:
        own = feature["properties"]
        assert own == {"id": own["id"], "class": CONTEXT.names[own["id"]], "color": f"#0{own['id']}0007"}
        for number, ring in enumerate(feature["geometry"]["coordinates"]):
            x, y = (np.array(ring) - ring[0]).T
            area = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum()
            assert (area > 0) == (number == 0)
            assert ring[0] == ring[-1]


def test_a_system_without_a_number_is_written_out() -> None:
    """A projection of somebody's own."""
    own = rasterio.crs.CRS.from_proj4("+proj=laea +lat_0=47.1 +lon_0=9.2 +datum=WGS84 +units=m")
    options = {"driver": "GTiff", "height": 1, "width": 1, "count": 1, "dtype": "uint8", "crs": own}
    with rasterio.MemoryFile() as file:
        with file.open(transform=rasterio.Affine(2, 0, 5, 0, -2, 6), **options):
            pass
        from io import BytesIO

        from PIL import Image

        from hypsegcli.images.georeference import georeference

        file.seek(0)
        place = georeference(Image.open(BytesIO(file.read())).tag_v2.get)  # type: ignore[attr-defined]
    found, _ = written(place)
    assert rasterio.crs.CRS.from_wkt(found["crs"]["properties"]["name"]) == own
