"""Where a TIFF has no data: by its own tags, a mask or alpha, as GDAL sees it, whole and by rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from hypsegcli.images.decode import decode_image, decode_mask_with_valid, decode_pillow
from hypsegcli.images.nodata import NOTE, all_valid, declared_nodata
from hypsegcli.images.tiff_read import TiffRows, tiff_size

HEIGHT, WIDTH = 40, 30
PLACE: list[Any] = [
    (33550, "d", 3, (0.5, 0.5, 0.0), True),
    (33922, "d", 6, (0.0, 0.0, 0.0, 500000.0, 4649776.0, 0.0), True),
    (34735, "H", 12, (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633), True),
]
VALID = np.ones((HEIGHT, WIDTH), np.bool_)
VALID[:, :9] = VALID[30:, 20:] = False


def values(channels: int, kind: Any, nodata: int) -> np.ndarray:
    """Anything but the value, in some pixels in all channels but one; that in all of them where it is not valid."""
    found = np.random.default_rng(0).integers(1, np.iinfo(kind).max, (HEIGHT, WIDTH, channels), kind)
    found[found == nodata] += 1
    if channels > 1:
        found[:, 12, 1:] = nodata
    found[~VALID] = nodata
    return found[..., 0] if channels == 1 else found


def write(path: Path, array: np.ndarray, *, nodata: str | None = None, placed: bool = False, **options: Any) -> Path:
    extra = [*(PLACE if placed else []), *([(42113, "s", 0, nodata, True)] if nodata is not None else [])]
    options = {"photometric": "rgb" if array.ndim == 3 else "minisblack", "extratags": extra} | options
    tifffile.imwrite(path, array, **options)
    return path


def seen(path: Path) -> np.ndarray | None:
    """What is valid of a file, taken whole, which is what it is by rows."""
    whole = decode_image(path)
    with TiffRows(path) as rows:
        parts = []
        for start, stop in ((0, 17), (17, HEIGHT)):
            np.testing.assert_array_equal(rows[start:stop], whole.pixels[start:stop])
            parts.append(rows.valid(start, stop))
        assert sorted(rows.notes) == sorted(whole.notes)
    if whole.valid is None:
        assert parts == [None, None]
        return None
    np.testing.assert_array_equal(np.concatenate(parts), whole.valid)  # type: ignore[arg-type]
    assert (NOTE in whole.notes) == (not whole.valid.all())
    return whole.valid


@pytest.mark.parametrize("nodata", [0, 7, 255])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_value_that_all_colours_have(tmp_path: Path, nodata: int, channels: int, byteorder: Any) -> None:
    array = values(channels, np.uint8, nodata)
    path = write(tmp_path / "a.tif", array, nodata=str(nodata), byteorder=byteorder, tile=(16, 16), compression="zlib")
    np.testing.assert_array_equal(seen(path), VALID)


@pytest.mark.parametrize("nodata", [0, 7, 255, 256, 65535])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("byteorder", "compression"), [("<", None), (">", None), ("<", "zlib"), (">", "lzw")])
def test_a_value_of_16_bits(tmp_path: Path, nodata: int, channels: int, byteorder: Any, compression: Any) -> None:
    """Also where Pillow keeps the higher byte alone: there are others of the same."""
    array = values(channels, np.uint16, nodata)
    array[0, 20:25] = nodata ^ 1
    array[1, 20:25] = nodata ^ 256
    path = write(tmp_path / "a.tif", array, nodata=f" {nodata}.0 ", byteorder=byteorder, compression=compression)
    np.testing.assert_array_equal(seen(path), VALID)


def test_where_zero_is_white_the_value_is_the_stored_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", values(1, np.uint8, 0), nodata="0", photometric="miniswhite")
    np.testing.assert_array_equal(seen(path), VALID)


def test_of_indices_the_value_is_an_index(tmp_path: Path) -> None:
    colors = np.full((3, 256), 9 << 8, np.uint16)  # all alike
    path = write(tmp_path / "a.tif", values(1, np.uint8, 3), nodata="3", photometric="palette", colormap=colors)
    np.testing.assert_array_equal(decode_image(path).valid, VALID)


@pytest.mark.parametrize("text", ["nan", "-9999", "0.5", "none", "", "1e999"])
def test_a_value_that_no_sample_has_hides_nothing(tmp_path: Path, text: str) -> None:
    found = seen(write(tmp_path / "a.tif", values(3, np.uint8, 0), nodata=text))
    assert found is None or found.all()


def test_alpha_is_no_data_only_on_earth(tmp_path: Path) -> None:
    array = values(4, np.uint8, 0)
    array[..., 3] = np.where(VALID, np.random.default_rng(1).integers(1, 256, VALID.shape), 0)
    cutout = decode_image(write(tmp_path / "a.tif", array, extrasamples=("unassalpha",)))
    assert cutout.valid is None
    on_earth = write(tmp_path / "b.tif", array, extrasamples=("unassalpha",), placed=True, tile=(16, 16))
    np.testing.assert_array_equal(seen(on_earth), VALID)
    array[..., 3] = 0
    empty = decode_image(write(tmp_path / "c.tif", array, extrasamples=("unassalpha",), placed=True))
    assert empty.valid is not None
    assert not empty.valid.any()
    assert empty.notes == (NOTE,)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_mask_is_a_picture_of_the_same_size(tmp_path: Path, compression: Any) -> None:
    """Not that of a smaller copy; and none of them is a page."""
    array, path = values(3, np.uint8, 0), tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(array, photometric="rgb")
        writer.write(array[::2, ::2], photometric="rgb", subfiletype=1)
        for mask, kind in ((~VALID[::2, ::2], 5), (VALID, 4)):
            writer.write(mask, photometric="mask", subfiletype=kind, compression=compression)
    np.testing.assert_array_equal(seen(path), VALID)
    assert tiff_size(path) == (HEIGHT, WIDTH)
    assert decode_image(path).notes == (NOTE,)


def test_of_a_pillow_image_as_of_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", values(3, np.uint16, 0), nodata="0")
    with Image.open(path) as image:
        found = decode_pillow(image, "it").valid
    np.testing.assert_array_equal(found, VALID)


def test_parts_that_are_left_out_have_the_value(tmp_path: Path) -> None:
    """As GDAL reads a sparse file."""
    path = write(tmp_path / "a.tif", np.full((64, 32), 9, np.uint8), nodata="200", tile=(32, 32))
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages.first.tags
        for tag in (324, 325):
            size = {3: 2, 4: 4}[tags[tag].dtype]
            at = tags[tag].valueoffset + size  # of the lower one of two
            data[at : at + size] = bytes(size)
    path.write_bytes(data)
    with TiffRows(path) as rows:
        assert rows[0:64][40, 3].tolist() == [200] * 3
        valid = rows.valid(0, 64)
        assert valid is not None
        assert valid[:32].all()
        assert not valid[32:].any()


def test_what_the_tag_may_say() -> None:
    assert [declared_nodata({42113: text}.get) for text in ("0\0", " 255 ", "1e2", "nan", "inf", "x", "", b"0", 0)] == [
        0,
        255,
        100,
        *[None] * 6,
    ]
    assert all_valid(None, None) is None


def test_rasterio_sees_the_same(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    base: dict[str, Any] = {
        "driver": "GTiff",
        "height": HEIGHT,
        "width": WIDTH,
        "crs": "EPSG:32633",
        "transform": rasterio.Affine(0.5, 0, 500000, 0, -0.5, 4649776),
    }
    grey, color, deep = values(1, np.uint8, 0), values(3, np.uint8, 0), values(3, np.uint16, 0)
    mask = np.where(VALID, 255, 0).astype(np.uint8)
    with rasterio.open(tmp_path / "grey.tif", "w", count=1, dtype="uint8", nodata=0, **base) as file:
        file.write(grey[None])
    for name, array in (("color", color), ("deep", deep)):
        options = base | {
            "photometric": "RGB",
            "tiled": True,
            "blockxsize": 16,
            "blockysize": 16,
            "compress": "lzw",
            "predictor": 2,
        }
        with rasterio.open(tmp_path / f"{name}.tif", "w", count=3, dtype=array.dtype, nodata=0, **options) as file:
            file.write(array.transpose(2, 0, 1))
    with rasterio.open(
        tmp_path / "alpha.tif", "w", count=4, dtype="uint8", alpha="YES", photometric="RGB", **base
    ) as file:
        file.write(np.concatenate([color.transpose(2, 0, 1), mask[None]]))
    for tiled in ({}, {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}):
        path = tmp_path / f"mask{len(tiled)}.tif"
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", count=3, dtype="uint8", photometric="RGB", **base, **tiled) as file,
        ):
            file.write(color.transpose(2, 0, 1))
            file.write_mask(mask)
    paths = sorted(tmp_path.glob("*.tif"))
    assert len(paths) == 6
    for path in paths:
        with rasterio.open(path) as file:
            wanted = file.dataset_mask() != 0
        assert not wanted.all()
        np.testing.assert_array_equal(seen(path), wanted, err_msg=path.name)


@pytest.mark.parametrize(
    ("kind", "nodata", "options"),
    [
        (np.uint8, 0, {}),
        (np.uint8, 255, {"compression": "zlib"}),
        (np.uint16, 65535, {}),
        (np.int8, -1, {}),
        (np.int16, -9999, {}),
        (np.uint8, 3, {"photometric": "palette", "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256)}),
        (np.uint8, 0, {"bitspersample": 4}),
        (np.uint8, 15, {"bitspersample": 4}),
    ],
)
def test_masks_of_ids(tmp_path: Path, kind: Any, nodata: int, options: dict[str, Any]) -> None:
    """Also of few bits and with a sign, which photographs do not have."""
    ids = np.random.default_rng(0).integers(4, 9, (HEIGHT, WIDTH)).astype(kind)
    ids[~VALID] = nodata
    found, valid = decode_mask_with_valid(write(tmp_path / "m.tif", ids, nodata=str(nodata), **options))
    np.testing.assert_array_equal(found, ids)
    np.testing.assert_array_equal(valid, VALID)
    found, valid = decode_mask_with_valid(write(tmp_path / "n.tif", ids, **options))
    np.testing.assert_array_equal(found, ids)
    assert valid is None
