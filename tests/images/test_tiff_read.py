"""Rows of a TIFF against what decoding it as a whole gives."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.tiff_read import TiffRows, tiff_size
from hypsegcli.images.tiff_write import encode_tiff

H, W = 147, 85  # no whole number of tiles or strips either way

LAYOUTS: dict[str, dict[str, Any]] = {
    "tiles": {"tile": (32, 48), "compression": "zlib"},
    "plain tiles": {"tile": (32, 48)},
    "strips": {"rowsperstrip": 20, "compression": "lzw"},
    "predicted strips": {"rowsperstrip": 20, "compression": "zlib", "predictor": True},
    "as in memory": {},
    "one strip": {"rowsperstrip": H, "compression": "zlib"},
    "big": {"tile": (32, 48), "bigtiff": True},
    "big-endian": {"tile": (32, 48), "byteorder": ">"},
    "big-endian as in memory": {"byteorder": ">"},
}
SAMPLES: dict[str, tuple[tuple[int, ...], type, str]] = {
    "RGB": ((H, W, 3), np.uint8, "rgb"),
    "grey": ((H, W), np.uint8, "minisblack"),
    "inverted grey": ((H, W), np.uint8, "miniswhite"),
    "deep RGB": ((H, W, 3), np.uint16, "rgb"),
    "deep grey": ((H, W), np.uint16, "minisblack"),
    "inverted deep grey": ((H, W), np.uint16, "miniswhite"),
}


def write(path: Path, *, samples: str = "RGB", **layout: Any) -> Path:
    shape, dtype, photometric = SAMPLES[samples]
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    tifffile.imwrite(path, values, photometric=photometric, metadata=None, **layout)
    return path


# Pillow knows no big-endian picture of 16 bits in which zero is white.
PAIRS = [(a, b) for a in LAYOUTS for b in SAMPLES if "endian" not in a or b != "inverted deep grey"]


@pytest.mark.parametrize(("layout", "samples"), PAIRS)
def test_rows_are_those_of_the_decoded_picture(tmp_path: Path, layout: str, samples: str) -> None:
    path = write(tmp_path / "a.tif", samples=samples, **LAYOUTS[layout])
    whole = decode_image(path)
    with TiffRows(path) as rows:
        assert rows.shape == whole.pixels.shape == (H, W, 3)
        assert rows.notes == whole.notes
        for start, stop in ((0, H), (0, 1), (31, 33), (40, 100), (H - 1, H), (64, 96)):
            found = rows[start:stop]
            assert found.dtype == np.uint8
            assert found.flags.c_contiguous
            np.testing.assert_array_equal(found, whole.pixels[start:stop])


def test_jpeg_tiles_become_rgb(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(H), np.arange(W))[..., None] * np.array([1, 0.5, 0.2]) + np.array([0, 40, 90])
    tifffile.imwrite(
        tmp_path / "a.tif", smooth.astype(np.uint8), photometric="ycbcr", compression="jpeg", tile=(32, 48)
    )
    with TiffRows(tmp_path / "a.tif") as rows:
        found = rows[10:60].astype(int)
    assert np.abs(found - decode_image(tmp_path / "a.tif").pixels[10:60]).max() <= 2


def test_only_what_holds_the_rows_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", tile=(32, 48), compression="zlib")
    whole = decode_image(path).pixels
    with tifffile.TiffFile(path) as file:
        offset = file.pages.first.dataoffsets[4]  # the third row of tiles, two of which lie beside each other
    data = bytearray(path.read_bytes())
    data[offset : offset + 8] = bytes(8)
    path.write_bytes(data)
    with TiffRows(path) as rows:
        np.testing.assert_array_equal(rows[0:64], whole[:64])
        np.testing.assert_array_equal(rows[96:H], whole[96:])
        with pytest.raises(ImageError, match="damaged"):
            rows[63:65]


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    for name in ("plain tiles", "as in memory"):
        path = write(tmp_path / f"{name}.tif", **LAYOUTS[name])
        path.write_bytes(path.read_bytes()[:-100])
        with TiffRows(path) as rows:
            assert rows[0:32].any()
            with pytest.raises(ImageError, match=r"truncated|damaged"):
                rows[100:H]


def test_further_frames_are_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", tile=(32, 48))
    tifffile.imwrite(path, np.zeros((20, 20), np.uint8), append=True)
    with TiffRows(path) as rows:
        assert rows.notes == decode_image(path).notes == ("frame 1 of 2 used",)


PLACED = [(33550, "d", 3, (0.5, 0.5, 0.0), True)]
REFUSED: dict[str, tuple[dict[str, Any], Any, str]] = {
    "palette": ({"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}, (H, W), "PALETTE"),
    "alpha": ({"photometric": "rgb", "extrasamples": ["unassalpha"]}, (H, W, 4), "4 samples"),
    "premultiplied": (
        {"photometric": "rgb", "extrasamples": ["assocalpha"], "extratags": PLACED},
        (H, W, 4),
        "4 samples",
    ),
    "planes": ({"photometric": "rgb", "planarconfig": "separate"}, (3, H, W), "3 samples"),
    "turned": ({"photometric": "rgb", "extratags": [(274, 3, 1, 6, True)]}, (H, W, 3), "orientation 6"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_needs_more_than_its_samples_is_refused(tmp_path: Path, kind: str) -> None:
    options, shape, words = REFUSED[kind]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, np.uint8), tile=(32, 48), **options)
    with pytest.raises(ImageError, match=f"cannot be read in parts: .*{words}.*format=png"):
        TiffRows(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint32])
def test_other_numbers_are_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((H, W), dtype))
    with pytest.raises(ImageError, match=np.dtype(dtype).name):
        TiffRows(tmp_path / "a.tif")


def test_one_huge_piece_is_refused_unless_it_is_as_in_memory(tmp_path: Path) -> None:
    most = H * W * 3 - 1
    with pytest.raises(ImageError, match="pieces of"):
        TiffRows(write(tmp_path / "a.tif", rowsperstrip=H, compression="zlib"), piece_bytes=most)
    with TiffRows(write(tmp_path / "b.tif"), piece_bytes=most) as rows:
        assert rows[0:1].shape == (1, W, 3)


def test_a_picture_above_the_limit_says_how_to_raise_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", tile=(32, 48))
    with pytest.raises(ImageError, match=rf"at most {H * W - 1:,} are allowed.*max_pixels={H * W},"):
        TiffRows(path, max_pixels=H * W - 1)
    with TiffRows(path, max_pixels=H * W) as rows:
        assert rows.shape == (H, W, 3)


@pytest.mark.parametrize("missing", ["tifffile", "imagecodecs"])
def test_without_its_libraries_a_sentence_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    path = write(tmp_path / "a.tif")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImageError, match=r"pip install 'hypseg\[tiff\]'"):
        TiffRows(path)


def test_the_size_is_told_by_the_content(tmp_path: Path) -> None:
    for name, layout in LAYOUTS.items():
        assert tiff_size(write(tmp_path / f"{name}.png", **layout)) == (H, W), name
    (tmp_path / "a.tif").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "b.tif").write_bytes(b"II*\0")
    assert [tiff_size(tmp_path / name) for name in ("a.tif", "b.tif", "c.tif")] == [None] * 3


@pytest.mark.parametrize(
    ("kind", "says"), [("reversed", "FillOrder 2"), ("uncounted", "how many bytes its parts have")]
)
def test_what_whole_decoding_would_read_otherwise_is_refused(tmp_path: Path, kind: str, says: str) -> None:
    path = write(tmp_path / "a.tif", rowsperstrip=H, extratags=[(281, 3, 1, 2, True)])
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages.first.tags
        if kind == "reversed":
            struct.pack_into("<H", data, tags[281].offset, 266)
        else:
            struct.pack_into("<I", data, tags["StripByteCounts"].valueoffset, 0)
    path.write_bytes(data)
    with pytest.raises(ImageError, match=f"cannot be read in parts: .*{says}"):
        TiffRows(path)


def test_a_map_of_hypseg_s_is_no_photograph(tmp_path: Path) -> None:
    said = MapMetadata(kind="confidence", measure="distance").tiff_description()
    data = encode_tiff(np.zeros((H, W), np.uint16), np.uint16, description=said)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageError, match=r"this is a map that hypseg wrote \(confidence\) and no photograph") as caught:
        TiffRows(tmp_path / "a.tif")
    assert caught.value.code == "unsupported"
    (tmp_path / "b.tif").write_bytes(data.replace(b"confidence", b"confidants"))
    with TiffRows(tmp_path / "b.tif") as rows:
        assert rows[0:1].shape == (1, W, 3)
