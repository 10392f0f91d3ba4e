"""Ids come back as they were drawn, or their file is refused: whatever a format or Pillow does to samples."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.color_mask import decode_mask_colors
from hypsegcli.images.decode import decode_mask

IDS = np.kron(np.arange(12).reshape(3, 4), np.ones((8, 8), int)).astype(np.uint8)


def saved(path: Path, form: str, ids: np.ndarray = IDS, **options: object) -> Path:
    Image.fromarray(ids).save(path, form, **options)
    return path


def netpbm(path: Path, maxval: int, *, plain: bool = False) -> Path:
    """Three equal channels of the ids."""
    samples = np.dstack([IDS] * 3)
    head = f"P{3 if plain else 6} {IDS.shape[1]} {IDS.shape[0]} {maxval}\n".encode()
    body = samples.astype(">u2" if maxval > 255 else "u1").tobytes()
    path.write_bytes(head + (" ".join(map(str, samples.ravel())).encode() if plain else body))
    return path


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("maxval", [11, 100, 254, 255, 256, 1000, 65535])
def test_ids_in_three_channels_of_a_ppm(tmp_path: Path, maxval: int, plain: bool) -> None:
    path = netpbm(tmp_path / "a.ppm", maxval, plain=plain)
    if maxval < 256:
        assert (decode_mask(path) == IDS).all()
        return
    for decode in (decode_mask, decode_mask_colors):
        with pytest.raises(ImageError, match="more than 8 bits are read with 8"):
            decode(path)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_ids_in_three_deep_channels_of_a_tiff(tmp_path: Path, planar: str, compression: str | None) -> None:
    samples = np.dstack([IDS] * 3).astype(np.uint16)
    lying = samples if planar == "contig" else np.ascontiguousarray(np.moveaxis(samples, -1, 0))
    tifffile.imwrite(tmp_path / "a.tif", lying, photometric="rgb", planarconfig=planar, compression=compression)
    with pytest.raises(ImageError, match="more than 8 bits are read with 8"):
        decode_mask(tmp_path / "a.tif")


@pytest.mark.parametrize(("bits", "masks"), [(15, (0x7C00, 0x3E0, 0x1F)), (16, (0xF800, 0x7E0, 0x1F))])
def test_ids_in_a_bitmap_of_five_bits(tmp_path: Path, bits: int, masks: tuple[int, int, int]) -> None:
    """0 and all bits look like ids that are kept; what lies between is not."""
    height, width = IDS.shape
    values = np.where(IDS > 5, (1 << bits) - 1, 0).astype("<u2")[::-1]
    offset = 14 + 40 + 12
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 3, values.nbytes, 0, 0, 0, 0)
    file = struct.pack("<2sIHHI", b"BM", offset + values.nbytes, 0, 0, offset)
    (tmp_path / "a.bmp").write_bytes(file + head + struct.pack("<3I", *masks) + values.tobytes())
    with pytest.raises(ImageError, match="5 or 6 bits are read as other ones"):
        decode_mask(tmp_path / "a.bmp")


def test_a_webp_is_read_where_it_is_lossless(tmp_path: Path) -> None:
    """With metadata in front of it, too; where pixels are transparent, no colour is kept below them."""
    plain, extended = tmp_path / "a.webp", tmp_path / "b.webp"
    assert (decode_mask(saved(plain, "WEBP", lossless=True)) == IDS).all()
    assert (
        decode_mask(saved(extended, "WEBP", lossless=True, exif=b"Exif\0\0odd" * 9, icc_profile=b"1" * 77)) == IDS
    ).all()
    assert b"VP8X" in extended.read_bytes()


@pytest.mark.parametrize("quality", [80, 100])
@pytest.mark.parametrize("options", [{}, {"icc_profile": b"1" * 77}])
def test_a_lossy_webp_is_refused(tmp_path: Path, quality: int, options: dict[str, Any]) -> None:
    path = saved(tmp_path / "a.webp", "WEBP", quality=quality, **options)
    for decode in (decode_mask, decode_mask_colors):
        with pytest.raises(
            ImageError, match=r"a\.webp: this WebP is a lossy one, .* save what it was made from as a PNG"
        ):
            decode(path)


@pytest.mark.parametrize("quality", [75, 95, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_in_a_tiff_is_refused(tmp_path: Path, quality: int, channels: int) -> None:
    ids = IDS if channels == 1 else np.dstack([IDS] * 3)
    path = saved(tmp_path / "a.tif", "TIFF", ids, compression="jpeg", quality=quality)
    for decode in (decode_mask, decode_mask_colors):
        with pytest.raises(ImageError, match="this TIFF is compressed as JPEG"):
            decode(path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"])
def test_other_compressions_of_a_tiff_keep_ids(tmp_path: Path, compression: str) -> None:
    assert (decode_mask(saved(tmp_path / "a.tif", "TIFF", compression=compression)) == IDS).all()


@pytest.mark.parametrize(
    ("form", "said"), [("JPEG", "JPEG does not keep"), ("JPEG2000", "need not"), ("AVIF", "need not")]
)
def test_lossy_formats_are_refused(tmp_path: Path, form: str, said: str) -> None:
    buffer = BytesIO()
    Image.fromarray(IDS).save(buffer, form)
    (tmp_path / "a").write_bytes(buffer.getvalue())
    with pytest.raises(ImageError, match=f"{said}.* exact values"):
        decode_mask(tmp_path / "a")


def test_a_lossy_tiff_is_one_when_it_is_turned_as_the_preview_above_it(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        turned: list[Any] = [(274, 3, 1, 6, True)]
        file.write(IDS[::2, ::2].copy(), subfiletype=1, subifds=1, metadata=None, extratags=turned)
        file.write(IDS, subfiletype=0, metadata=None, compression="jpeg")
    with pytest.raises(ImageError, match="compressed as JPEG"):
        decode_mask(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("bands", [2, 3, 4, 6])
def test_of_several_bands_none_is_taken_for_the_mask(tmp_path: Path, kind: Any, planes: str, bands: int) -> None:
    """One a class, or instances before classes: the first of them is no list of ids."""
    stacked = np.stack([np.equal(band, IDS).astype(kind) for band in range(bands)])
    path = tmp_path / "a.tif"
    values = np.moveaxis(stacked, 0, 2).copy() if planes == "contig" else stacked
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig=planes, compression="zlib")
    for decode in (decode_mask, decode_mask_colors):
        with pytest.raises(ImageError):
            decode(path)
    tifffile.imwrite(path, IDS.astype(kind), photometric="minisblack")
    assert (decode_mask(path) == IDS).all()


def test_bands_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([IDS] * 4), photometric="minisblack", planarconfig="separate", compression="zlib")
    for decode, of in ((decode_mask, "ids"), (decode_mask_colors, "colours")):
        with pytest.raises(ImageError, match=f"it holds 4 bands, and nothing says which of them the {of} are"):
            decode(path)
