"""TIFFs of which a decoder makes a picture though it is not theirs: those refused, and whole ones passed."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.images.image_like import decode_image_like
from hypsegcli.images.tiff_read import TiffRows

H, W = 160, 192


def scene() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 12, (H, W, 3))
    slope = np.linspace(60, 200, W)[None, :, None]
    return np.clip(noise + slope, 0, 255).astype(np.uint8)


PARTS: dict[str, dict[str, Any]] = {
    "one strip": {"rowsperstrip": H},
    "strips": {"rowsperstrip": 40},
    "tiles": {"tile": (64, 64)},
}
HELD = ["zlib", "packbits", "zstd", "lzw", "lzma", "jpeg"]


def put_zeros(data: bytes, start: int, number: int) -> bytes:
    stop = min(start + number, len(data))
    return data[:start] + bytes(stop - start) + data[stop:]


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("compression", HELD)
def test_zeros_that_a_copy_left_are_damage_however_it_is_read(tmp_path: Path, compression: str, parts: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, scene(), photometric="rgb", compression=compression, metadata=None, **PARTS[parts])
    data = path.read_bytes()
    whole = decode_image(path).pixels
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        first, last = page.dataoffsets[0], page.dataoffsets[-1] + page.databytecounts[-1]
    for share in (0.2, 0.35, 0.5, 0.65, 0.9):
        start = first + int(share * (last - first))
        for number in (1024, len(data)):
            path.write_bytes(put_zeros(data, start, number))
            with pytest.raises(ImageError, match=r"truncated|damaged"):
                decode_image(path)
            with TiffRows(path) as rows, pytest.raises(ImageError, match=r"truncated|damaged"):
                rows[0:H]
    assert whole.shape == (H, W, 3)


@pytest.mark.parametrize("compression", HELD)
@pytest.mark.parametrize("fill", [0, 255])
def test_flat_pictures_pass(tmp_path: Path, fill: int, compression: str) -> None:
    for shape, tile in (((H, W, 3), (64, 64)), ((H, W), None), ((1, 1), None), ((700, 900, 3), (512, 512))):
        values = np.full(shape, fill, np.uint8)
        kind = "rgb" if len(shape) == 3 else "minisblack"
        tifffile.imwrite(tmp_path / "a.tif", values, photometric=kind, compression=compression, tile=tile)
        assert decode_image(tmp_path / "a.tif").pixels.shape == (*shape[:2], 3)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("compression", ["jpeg", "tiff_deflate", "tiff_adobe_deflate", "tiff_lzw"])
def test_what_libtiff_writes_passes(tmp_path: Path, compression: str, mode: str) -> None:
    for image in (Image.fromarray(scene()), Image.new("RGB", (900, 700), "black"), Image.new("RGB", (5, 3), "white")):
        image.convert(mode).save(tmp_path / "a.tif", compression=compression)
        assert decode_image(tmp_path / "a.tif").pixels.shape == (image.height, image.width, 3)


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_deflate", "tiff_lzw", "packbits"])
def test_bits_from_the_other_end_are_no_damage(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(scene()).save(path, compression=compression, tiffinfo={266: 2})
    with tifffile.TiffFile(path) as file:
        assert file.pages.first.fillorder == 2
        start = file.pages.first.dataoffsets[0]
    np.testing.assert_array_equal(decode_image(path).pixels, scene())
    path.write_bytes(put_zeros(path.read_bytes(), start + 500, 600))
    with pytest.raises(ImageError, match="damaged"):
        decode_image(path)


@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4", "tiff_raw_16"])
def test_faxes_in_which_no_damage_can_be_seen_are_no_masks(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(scene()[:, :, 0] > 130).save(path, compression=compression)
    for decode in (decode_image, decode_mask):
        with pytest.raises(ImageError, match=r"\(CCITT\) are not read, .* Deflate or LZW") as caught:
            decode(path)
        assert caught.value.code == "unsupported"


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("parts", PARTS)
def test_parts_that_are_left_out_are_never_other_bytes(tmp_path: Path, parts: str, compression: str | None) -> None:
    path, values = tmp_path / "a.tif", scene()
    tifffile.imwrite(path, values, photometric="rgb", compression=compression, metadata=None, **PARTS[parts])
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        for name in (
            ("TileOffsets", "TileByteCounts") if "tile" in PARTS[parts] else ("StripOffsets", "StripByteCounts")
        ):
            tag = file.pages.first.tags[name]
            size = {3: 2, 4: 4}[int(tag.dtype)]
            data[tag.valueoffset : tag.valueoffset + size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="parts of this TIFF are left out") as caught:
        decode_image(path)
    assert caught.value.code == "unsupported"
    high, wide = {"one strip": (H, W), "strips": (40, W), "tiles": (64, 64)}[parts]
    values[:high, :wide] = 0
    with TiffRows(path) as rows:
        np.testing.assert_array_equal(rows[0:H], values)
        assert rows.notes == ("parts that are left out taken for black",)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("tile", [None, (64, 64)])
def test_planes_of_other_colours_are_right_or_refused(tmp_path: Path, tile: Any, byteorder: Any) -> None:
    path = tmp_path / "a.tif"
    inks = np.asarray(Image.fromarray(scene()).convert("CMYK"))
    for bits, compression in ((8, None), (8, "lzw"), (16, None), (16, "lzw")):
        planes = np.ascontiguousarray(np.moveaxis(inks.astype(f"u{bits // 8}") * (257 if bits == 16 else 1), 2, 0))
        tifffile.imwrite(
            path,
            planes,
            photometric="separated",
            planarconfig="separate",
            compression=compression,
            tile=tile,
            byteorder=byteorder,
        )
        if bits == 16 and not compression:
            with pytest.raises(ImageError, match="CMYK of 16 bits in planes"):
                decode_image(path)
        else:
            np.testing.assert_array_equal(decode_image(path).pixels, scene())
    for compression in (None, "lzw"):
        tifffile.imwrite(
            path, np.zeros((3, H, W), np.uint8), photometric="cielab", planarconfig="separate", compression=compression
        )
        with pytest.raises(ImageError, match="LAB in planes") as caught:
            decode_image(path)
        assert caught.value.code == "unsupported"


@pytest.mark.parametrize("alpha", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits"])
def test_alpha_beside_grey_is_right_or_refused(tmp_path: Path, compression: str, alpha: Any) -> None:
    path, hidden = tmp_path / "a.tif", np.zeros((H, W), np.uint8)
    hidden[:, W // 2 :] = 255
    kind: dict[str, Any] = {"photometric": "minisblack", "extrasamples": [alpha], "compression": compression}
    tifffile.imwrite(path, np.stack([np.full_like(hidden, 80), hidden], 2), planarconfig="contig", **kind)
    assert "transparent pixels shown on white" in decode_image(path).notes
    tifffile.imwrite(path, np.stack([np.full_like(hidden, 80), hidden]), planarconfig="separate", **kind)
    with pytest.raises(ImageError, match="grey and alpha in planes are not read") as caught:
        decode_image(path)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(("compression", "planar"), [(None, False), ("zlib", False), ("zlib", True)])
@pytest.mark.parametrize("parts", ["strips", "tiles"])
def test_parts_beyond_the_last_row_are_not_taken_for_the_first(
    tmp_path: Path, parts: str, compression: str | None, planar: bool
) -> None:
    """As after somebody has lowered the height that the file names, to crop it."""
    path, pixels = tmp_path / "a.tif", scene()
    stored = np.moveaxis(pixels, 2, 0).copy() if planar else pixels
    config: Any = {"planarconfig": "separate"} if planar else {}
    tifffile.imwrite(path, stored, photometric="rgb", compression=compression, **PARTS[parts], **config)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["ImageLength"].overwrite(80)
    if compression and not planar:
        np.testing.assert_array_equal(decode_image(path).pixels, pixels[:80])
        return
    with pytest.raises(ImageError, match=r"parts and rows for \d+, as where its height was lowered") as caught:
        decode_image(path)
    assert caught.value.code == "unsupported"


def test_a_pillow_image_is_checked_as_its_file_is(tmp_path: Path) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "jpg": {"quality": 92},
        "jp2": {},
        "tif": {"compression": "tiff_adobe_deflate"},
    }
    for suffix, options in kinds.items():
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(scene()).save(path, **options)
        data = path.read_bytes()
        with Image.open(path) as image:
            first = decode_image_like(image, "image 1")
            assert np.array_equal(first.pixels, decode_image(path).pixels)
        path.write_bytes(put_zeros(data, len(data) // 3, len(data) // 3))
        for opened in (Image.open(path), Image.open(io.BytesIO(path.read_bytes()))):
            with opened, pytest.raises(ImageError, match=r"^image 1: the picture is (damaged|truncated)"):
                decode_image_like(opened, "image 1")


@pytest.mark.parametrize("frame", [0, 1])
def test_of_several_frames_the_one_that_is_shown_is_checked(tmp_path: Path, frame: int) -> None:
    path = tmp_path / "a.mpo"
    Image.fromarray(scene()).save(path, save_all=True, append_images=[Image.fromarray(scene()[::-1].copy())])
    data = path.read_bytes()
    second = data.index(b"\xff\xd9\xff\xd8") + 2
    path.write_bytes(put_zeros(data, second + (len(data) - second) // 2, 2000))
    with Image.open(path) as image:
        image.seek(frame)
        if frame:
            with pytest.raises(ImageError, match=r"damaged|truncated"):
                decode_image_like(image, "x")
        else:
            assert decode_image_like(image, "x").pixels.shape == (H, W, 3)


def test_colours_at_a_lower_resolution_without_compression_are_no_damage(tmp_path: Path) -> None:
    body = bytes(H * W * 3 // 2)
    tags = [(256, 4, W), (257, 4, H), (258, 3, 8), (259, 3, 1), (262, 3, 6), (273, 4, 8), (277, 3, 3), (278, 4, H)]
    tags.append((279, 4, len(body)))
    fields = b"".join(
        struct.pack("<HHIHxx" if kind == 3 else "<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    for behind in (b"", bytes(H * W * 3)):
        path = tmp_path / "a.tif"
        path.write_bytes(head + body + struct.pack("<H", len(tags)) + fields + bytes(4) + behind)
        with pytest.raises(ImageError, match="at a lower resolution") as caught:
            decode_image(path)
        assert caught.value.code == "unsupported"
