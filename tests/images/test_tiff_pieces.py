"""Strips and tiles that hold less than their part of the picture, each whole by itself: never black, never others'."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.images.tiff_pieces import JPEG, YCBCR, Pieces
from hypsegcli.images.tiff_read import TiffRows

Grey = NDArray[np.uint8]

H, W = 96, 130
GREY: Grey = (np.add.outer(np.arange(H), np.arange(W)) + np.random.default_rng(0).integers(0, 9, (H, W))).astype(
    np.uint8
)


def encode_jpeg(piece: Grey) -> bytes:
    return bytes(imagecodecs.jpeg_encode(np.ascontiguousarray(piece), level=97))


def write(path: Path, pieces: Sequence[bytes], **layout: Any) -> Path:
    """A grey TIFF of such strips or tiles, however many bytes they have."""
    tifffile.imwrite(
        path, iter(pieces), shape=(H, W), dtype=np.uint8, photometric="minisblack", metadata=None, **layout
    )
    return path


def shorten(path: Path, index: int, count: int) -> None:
    """Write another number of bytes for a strip."""
    with tifffile.TiffFile(path, mode="r+") as file:
        tag = file.pages.first.tags["StripByteCounts"]
        counts = tag.value
        tag.overwrite([count if at == index else value for at, value in enumerate(counts)])


def drop(path: Path, kept: int) -> None:
    """Keep so many strips."""
    with tifffile.TiffFile(path, mode="r+") as file:
        for name in ("StripOffsets", "StripByteCounts"):
            tag = file.pages.first.tags[name]
            tag.overwrite(tag.value[:kept])


def refused(path: Path, sentence: str) -> None:
    for decode in (decode_image, decode_mask):
        with pytest.raises(ImageError, match=sentence) as caught:
            decode(path)
        assert caught.value.code in ("damaged", "truncated")
    with pytest.raises(ImageError, match=r"damaged|truncated"), TiffRows(path) as rows:
        rows[0:H]


@pytest.mark.parametrize(
    ("change", "held"),
    [
        (lambda strips: [*strips[:2], strips[2][:8], *strips[3:]], "130 x 8 of its 130 x 16"),
        (lambda strips: [*strips[:5], strips[5][:1]], "130 x 1 of its 130 x 16"),
        (lambda strips: [strips[0][:, :64], *strips[1:]], "64 x 16 of its 130 x 16"),
    ],
)
def test_a_jpeg_of_fewer_pixels_than_its_strip(
    tmp_path: Path, change: Callable[[list[Grey]], list[Grey]], held: str
) -> None:
    strips = [GREY[at : at + 16] for at in range(0, H, 16)]
    path = write(tmp_path / "a.tif", [*map(encode_jpeg, strips)], rowsperstrip=16, compression="jpeg")
    whole = decode_image(path).pixels[:, :, 0]
    assert np.abs(whole.astype(int) - GREY).max() < 20
    refused(write(path, [*map(encode_jpeg, change(strips))], rowsperstrip=16, compression="jpeg"), f"has {held} pixels")


def tiles(*, edges: bool) -> list[Grey]:
    """Tiles of 64 x 64, those at the edges as large as the others, or only as high as the picture there."""
    padded = np.pad(GREY, ((0, 32 if edges else 0), (0, 62)), mode="edge")
    return [padded[y : y + 64, x : x + 64] for y in range(0, H, 64) for x in range(0, W, 64)]


@pytest.mark.parametrize("edges", [False, True])
def test_tiles_at_the_edges_need_only_what_lies_in_the_picture(tmp_path: Path, edges: bool) -> None:
    path = write(tmp_path / "a.tif", [*map(encode_jpeg, tiles(edges=edges))], tile=(64, 64), compression="jpeg")
    assert np.abs(decode_image(path).pixels[:, :, 0].astype(int) - GREY).max() < 20
    short = [*map(encode_jpeg, [tile[:30] if at == 4 else tile for at, tile in enumerate(tiles(edges=edges))])]
    refused(write(path, short, tile=(64, 64), compression="jpeg"), "has 64 x 30 of its 64 x 32 pixels")


@pytest.mark.parametrize("strip", [0, 2, 5])
@pytest.mark.parametrize("count", [1, 1040, 16 * 130 - 1])
def test_fewer_bytes_than_the_rows_of_a_strip_without_compression(tmp_path: Path, strip: int, count: int) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY, rowsperstrip=16, metadata=None)
    np.testing.assert_array_equal(decode_mask(tmp_path / "a.tif"), GREY)
    shorten(tmp_path / "a.tif", strip, count)
    refused(tmp_path / "a.tif", "does not decode to its end")


def test_a_single_strip_of_fewer_bytes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY, metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        file.pages.first.tags["StripByteCounts"].overwrite(H * W - 1)
    refused(tmp_path / "a.tif", "does not decode to its end")


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
def test_fewer_strips_than_there_are_rows(tmp_path: Path, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY, rowsperstrip=16, compression=compression, metadata=None)
    drop(tmp_path / "a.tif", 5)
    refused(tmp_path / "a.tif", "5 of the 6 parts of this TIFF")


def test_the_last_strip_may_be_as_long_as_the_others_and_counts_may_be_left_out(tmp_path: Path) -> None:
    strips = [np.pad(GREY[at : at + 40], ((0, 40 - min(40, H - at)), (0, 0))).tobytes() for at in range(0, H, 40)]
    path = write(tmp_path / "a.tif", [*map(zlib.compress, strips)], rowsperstrip=40, compression="zlib")
    np.testing.assert_array_equal(decode_mask(path), GREY)
    tifffile.imwrite(tmp_path / "b.tif", GREY, metadata=None)
    with tifffile.TiffFile(tmp_path / "b.tif", mode="r+") as file:
        file.pages.first.tags["StripByteCounts"].overwrite(0)
    np.testing.assert_array_equal(decode_mask(tmp_path / "b.tif"), GREY)


@pytest.mark.parametrize("bits", [1, 4, 12, 16])
@pytest.mark.parametrize("planes", [1, 3])
def test_the_shapes_of_all_pieces_cover_the_picture_once(planes: int, bits: int) -> None:
    for height, width, high, wide in ((97, 131, 16, 131), (97, 131, 64, 48), (1, 1, 5, 1), (64, 64, 64, 64)):
        pieces = Pieces(
            width=width,
            height=height,
            wide=wide,
            high=high,
            planes=planes,
            bits=bits,
            compression=JPEG,
            photometric=2,
            subsampling=(2, 2),
        )
        shapes = [pieces.shape(index) for index in range(pieces.number)]
        assert sum(rows * columns for rows, columns in shapes) == height * width * planes
        assert all(pieces.least(index) == rows * -(-wide * bits // 8) for index, (rows, _) in enumerate(shapes))
        assert pieces.largest == high * -(-wide * bits // 8)


def test_planes_of_colours_may_be_smaller_than_the_picture() -> None:
    pieces = Pieces(
        width=131,
        height=97,
        wide=131,
        high=16,
        planes=3,
        bits=8,
        compression=JPEG,
        photometric=YCBCR,
        subsampling=(2, 2),
    )
    assert [pieces.shape(index) for index in (0, 6, 7, 13, 20)] == [(16, 131), (1, 131), (8, 66), (1, 66), (1, 66)]
