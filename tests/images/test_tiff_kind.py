"""TIFFs as another library writes them: the right picture of a file, and its samples as they are."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.color_mask import decode_mask_colors, read_palette
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.images.image_like import decode_image_like
from hypsegcli.images.tiff_read import TiffRows, tiff_size

H, W = 70, 52
STORED = [(None, False), ("packbits", False), *product(("lzw", "zlib", "zstd"), (False, True))]
TILES = [None, (32, 32)]


def noise(*shape: int, dtype: str = "u1") -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("planes", [False, True])
def test_colours_are_those_that_were_written(tmp_path: Path, planes: bool, dtype: str, byteorder: Any) -> None:
    values, path = noise(H, W, 3, dtype=dtype), tmp_path / "a.tif"
    wanted = values / (np.iinfo(dtype).max / 255)
    for (compression, predictor), tile in product(STORED, TILES):
        tifffile.imwrite(
            path,
            np.ascontiguousarray(np.moveaxis(values, 2, 0)) if planes else values,
            photometric="rgb",
            planarconfig="separate" if planes else "contig",
            compression=compression,
            predictor=predictor,
            tile=tile,
            byteorder=byteorder,
        )
        found = decode_image(path).pixels
        assert np.abs(found - wanted).max() <= 1, (compression, predictor, tile)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "i4"])
def test_ids_are_those_that_were_written(tmp_path: Path, dtype: str, byteorder: Any) -> None:
    ids, path = noise(H, W, dtype=dtype), tmp_path / "a.tif"
    if dtype[0] == "i":
        ids[0, 0] = -1
    for (compression, predictor), tile in product(STORED, TILES):
        tifffile.imwrite(
            path,
            ids,
            photometric="minisblack",
            compression=compression,
            predictor=predictor,
            tile=tile,
            byteorder=byteorder,
        )
        np.testing.assert_array_equal(decode_mask(path), ids, str((compression, predictor, tile)))


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_other_whole_numbers_are_the_kind_of_the_file_and_no_damage(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((H, W), dtype))
    with pytest.raises(ImageError, match="samples like these are not read") as caught:
        decode_mask(tmp_path / "a.tif")
    assert caught.value.code == "unsupported"


def test_signed_pictures_are_refused(tmp_path: Path) -> None:
    orders: list[Any] = ["<", ">"]
    for bits, byteorder, compression in product((8, 16), orders, (None, "zlib")):
        values = noise(H, W, dtype=f"i{bits // 8}")
        tifffile.imwrite(
            tmp_path / "a.tif", values, photometric="minisblack", byteorder=byteorder, compression=compression
        )
        with pytest.raises(ImageError, match=f"{bits} bits and a sign"):
            decode_image(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", ["?", "u1", "u2"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_nobody_guesses_whether_zero_is_black(tmp_path: Path, compression: str | None, dtype: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(H, W) > 99 if dtype == "?" else noise(H, W, dtype=dtype), compression=compression)
    with tifffile.TiffFile(path) as file:
        at = file.pages.first.tags["PhotometricInterpretation"].offset
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write((261).to_bytes(2, "little"))  # the number of no field
    with Image.open(path) as image, pytest.raises(ImageError, match="x: this TIFF does not say"):
        decode_image_like(image, "x")
    for decode in (decode_image, decode_mask, TiffRows):
        with pytest.raises(ImageError, match="does not say whether zero is black or white") as caught:
            decode(path)
        assert caught.value.code == "unsupported"


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("colors", [(), (3,)])
def test_differences_are_undone_or_refused(tmp_path: Path, colors: tuple[int, ...], dtype: str) -> None:
    path, values = tmp_path / "a.tif", noise(H, W, *colors, dtype=dtype)
    kind: dict[str, Any] = {"photometric": "rgb" if colors else "minisblack", "predictor": True}
    for compression in ("lzw", "zlib", "zstd", "lzma"):
        tifffile.imwrite(path, values, compression=compression, **kind)
        found = decode_image(path).pixels
        tifffile.imwrite(path, values, photometric=kind["photometric"])
        np.testing.assert_array_equal(found, decode_image(path).pixels)
    tifffile.imwrite(path, values, compression="packbits", **kind)
    with Image.open(path) as image, pytest.raises(ImageError, match="x: the Predictor of this TIFF"):
        decode_image_like(image, "x")
    for decode in (decode_image, decode_mask, TiffRows):
        with pytest.raises(ImageError, match="differences, which readers disagree on with its compression") as caught:
            decode(path)
        assert caught.value.code == "unsupported"


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("scale", [1, 257])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_a_palette_may_be_of_8_bits(tmp_path: Path, compression: str | None, scale: int, byteorder: Any) -> None:
    path, ids, colors = tmp_path / "a.tif", noise(H, W), noise(3, 256)
    colormap = colors * np.uint16(scale)
    tifffile.imwrite(path, ids, photometric="palette", colormap=colormap, compression=compression, byteorder=byteorder)
    wanted = colors.T[ids]
    other = cv2.imread(str(path))
    assert other is not None
    np.testing.assert_array_equal(other[:, :, ::-1], wanted)
    np.testing.assert_array_equal(decode_image(path).pixels, wanted)
    np.testing.assert_array_equal(decode_mask(path), ids)
    packed_colors = decode_mask_colors(path)
    np.testing.assert_array_equal(packed_colors >> 16, wanted[:, :, 0])
    np.testing.assert_array_equal(packed_colors & 255, wanted[:, :, 2])
    found = read_palette(path)
    assert found is not None
    np.testing.assert_array_equal(found, colors.T)
    with Image.open(path) as image:
        image.load()
        np.testing.assert_array_equal(decode_image_like(image, "a").pixels, wanted)
        if scale == 1:
            assert image.convert("RGB").getextrema() == ((0, 0),) * 3  # the caller's own is not touched


@pytest.mark.parametrize("white", [235, 255])
def test_black_and_white_that_are_not_obeyed_are_told(tmp_path: Path, white: int) -> None:
    reference = (16 if white == 235 else 0, 1, white, 1, *(128, 1, 240 if white == 235 else 255, 1) * 2)
    tags = [(532, 5, 6, reference, True)]
    tifffile.imwrite(tmp_path / "a.tif", noise(H, W, 3), photometric="ycbcr", metadata=None, extratags=tags)
    ignored = "reference black and white ignored" in decode_image(tmp_path / "a.tif").notes
    assert ignored == (white == 235)


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("below", [False, True])
def test_a_preview_before_the_picture_is_passed_over(
    tmp_path: Path, below: bool, byteorder: Any, bigtiff: bool
) -> None:
    values, path = noise(H, W, 3), tmp_path / "a.tif"
    whole = not (bigtiff and (below or byteorder == ">"))
    with tifffile.TiffWriter(path, byteorder=byteorder, bigtiff=bigtiff) as file:
        preview = np.ascontiguousarray(values[::4, ::4])
        file.write(preview, photometric="rgb", subfiletype=1, subifds=int(below), metadata=None)
        file.write(values, photometric="rgb", subfiletype=0, metadata=None)
    with TiffRows(path) as rows:
        np.testing.assert_array_equal(rows[0:H], values)
        assert rows.notes == ()
    if whole:
        decoded = decode_image(path)
        np.testing.assert_array_equal(decoded.pixels, values)
        assert decoded.notes == ()
        assert tiff_size(path) == (None if below else (H, W))
    else:
        with pytest.raises(ImageError, match="BigTIFF"):
            decode_image(path)


def test_smaller_copies_of_a_picture_are_no_frames(tmp_path: Path) -> None:
    values, path = noise(H, W, 3), tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for step in (1, 2, 4):
            file.write(np.ascontiguousarray(values[::step, ::step]), subfiletype=int(step > 1), photometric="rgb")
    assert decode_image(path).notes == ()
    np.testing.assert_array_equal(decode_image(path).pixels, values)
    with TiffRows(path) as rows:
        assert rows.notes == ()


def test_of_a_raw_file_of_a_camera_a_sentence_says_that_it_is_one(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.dng") as file:
        file.write(noise(H // 4, W // 4, 3), photometric="rgb", subfiletype=1, subifds=1)
        file.write(noise(H, W, dtype="u2"), photometric="cfa", subfiletype=0)
    with pytest.raises(ImageError, match=r"a preview of 13 x 17 pixels, and the full one .* raw files") as caught:
        decode_image(tmp_path / "a.dng")
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_a_fourth_channel_that_is_not_called_alpha_is_none(tmp_path: Path, dtype: str) -> None:
    values, path = noise(H, W, 4, dtype=dtype), tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unspecified"])
    decoded = decode_image(path)
    assert np.abs(decoded.pixels - values[..., :3] / (np.iinfo(dtype).max / 255)).max() <= 1
    assert decoded.notes[0] == "1 further channel ignored"


def test_a_picture_below_a_later_preview_is_the_picture(tmp_path: Path) -> None:
    values, path = noise(H, W, 3), tmp_path / "a.tif"
    preview = np.ascontiguousarray(values[::4, ::4])
    with tifffile.TiffWriter(path) as file:
        file.write(preview, photometric="rgb", subfiletype=1, metadata=None)
        file.write(preview, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        file.write(values, photometric="rgb", subfiletype=0, metadata=None)
    np.testing.assert_array_equal(decode_image(path).pixels, values)
    with TiffRows(path) as rows:
        np.testing.assert_array_equal(rows[0:H], values)


@pytest.mark.parametrize("own", [None, 1, 3])
def test_a_picture_below_is_turned_as_the_one_above_it_unless_it_says_otherwise(
    tmp_path: Path, own: int | None
) -> None:
    values, path = noise(H, W, 3), tmp_path / "a.dng"
    tag = [] if own is None else [(274, "H", 1, own, True)]
    with tifffile.TiffWriter(path) as file:
        preview = np.ascontiguousarray(values[::4, ::4])
        extra = [(274, "H", 1, 6, True)]
        file.write(preview, photometric="rgb", subfiletype=1, subifds=1, metadata=None, extratags=extra)
        file.write(values, photometric="rgb", subfiletype=0, metadata=None, extratags=tag)
    decoded = decode_image(path)
    turns = {None: 3, 1: 0, 3: 2}[own]
    np.testing.assert_array_equal(decoded.pixels, np.rot90(values, turns))
    assert decoded.notes == ((f"turned upright (EXIF orientation {own or 6})",) if turns else ())
    if turns:
        with pytest.raises(ImageError, match=f"orientation {own or 6}"):
            TiffRows(path)
