"""Where a GeoTIFF lies, from one library's file to ours and back to that library."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from hypsegcli.images.decode import decode_image
from hypsegcli.images.tiff_read import TiffRows
from hypsegcli.images.tiff_write import encode_tiff

TAGS: dict[int, tuple[str, Any]] = {
    33550: ("d", (0.5, 0.5, 0.0)),
    33922: ("d", (0.0, 0.0, 0.0, 500000.0, 4649776.25, 0.0)),
    34735: ("H", (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633)),
    34736: ("d", (298.257223563, 6378137.0)),
    34737: ("s", "WGS 84 / UTM 33N|"),
}


def write(path: Path, **options: Any) -> Path:
    extra: list[Any] = [
        (tag, kind, 0 if kind == "s" else len(value), value, True) for tag, (kind, value) in TAGS.items()
    ]
    extra += [(42113, "s", 0, "0", True), *options.pop("extratags", [])]
    values = np.random.default_rng(0).integers(1, 256, (40, 30, 3), np.uint8)
    tifffile.imwrite(path, values, photometric="rgb", extratags=extra, **options)
    return path


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("largest_classic", [2**32, 0], ids=["classic", "big"])
def test_a_map_lies_where_its_picture_does(tmp_path: Path, byteorder: Any, largest_classic: int) -> None:
    path = write(tmp_path / "a.tif", byteorder=byteorder)
    with TiffRows(path) as rows:
        streamed, notes = rows.georeference, rows.notes
    image = decode_image(path)
    assert image.notes == notes == ()
    whole = image.georeference
    assert whole == streamed
    plane = np.zeros((40, 30), np.uint8)
    data = encode_tiff(plane, np.uint8, georeference=whole, largest_classic=largest_classic)
    with tifffile.TiffFile(BytesIO(data)) as file:
        tags = file.pages.first.tags
        assert {tag: tags.valueof(tag) for tag in TAGS} == {tag: value for tag, (_, value) in TAGS.items()}
        assert 42113 not in tags, "0 is a class in a map"
        np.testing.assert_array_equal(file.asarray(), plane)


def test_a_turned_picture_has_no_place_and_others_none_either(tmp_path: Path) -> None:
    turned = write(tmp_path / "a.tif", extratags=[(274, "H", 1, 6, True)])
    assert decode_image(turned).georeference == ()
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((4, 4), np.uint8))
    assert decode_image(tmp_path / "b.tif").georeference == ()
