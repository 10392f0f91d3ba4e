"""Laws of the TIFF writer: whatever the strips, what other readers find is what was given."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.images.tiff_write import TILE, TiffWriter, encode_tiff


def plane(height: int, width: int, dtype: type[np.uint8 | np.uint16] = np.uint16) -> NDArray[Any]:
    """Values of every size, neighbours that differ by more than half of the range included."""
    return np.random.default_rng(height).integers(0, np.iinfo(dtype).max, (height, width), dtype, endpoint=True)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (TILE, TILE), (2 * TILE + 1, 3 * TILE - 1), (3, 1000), (700, 2)])
def test_other_readers_find_what_was_given(size: tuple[int, int], dtype: type[np.uint8 | np.uint16], big: bool) -> None:
    given, text = plane(*size, dtype), json.dumps({"names": ["é", "b"]})
    data = encode_tiff(given, dtype, description=text, largest_classic=given.nbytes - big)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.is_bigtiff == big
        page = file.pages.first
        assert page.is_tiled
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert page.photometric == tifffile.PHOTOMETRIC.MINISBLACK
        assert page.description == text
        found = page.asarray()
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, given)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), given)


def test_a_palette_is_that_of_the_ids() -> None:
    ids = plane(40, 300, np.uint8) % 3
    palette = np.array([[1, 2, 3], [250, 128, 0], [255, 255, 255]], np.uint8)
    with Image.open(io.BytesIO(encode_tiff(ids, np.uint8, palette=palette))) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), ids)
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), palette[ids])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=6), st.integers(1, 600))
def test_strips_leave_no_trace(heights: list[int], width: int) -> None:
    whole = plane(sum(heights) + 1, width)
    file = io.BytesIO()
    writer = TiffWriter(file, len(whole), width, np.uint16)
    start = 0
    for height in [*heights, 1]:
        writer.write(whole[start : start + height])
        start += height
    writer.close()
    assert file.getvalue() == encode_tiff(whole, np.uint16)


def test_rows_that_do_not_fit_are_refused() -> None:
    file = io.BytesIO()
    writer = TiffWriter(file, 20, 30, np.uint8)
    with pytest.raises(ValueError, match="do not fit"):
        writer.write(np.zeros((20, 31), np.uint8))
    writer = TiffWriter(file, 20, 30, np.uint8)
    writer.write(np.zeros((19, 30), np.uint8))
    with pytest.raises(ValueError, match="19 of 20 rows"):
        writer.close()
    with pytest.raises(ValueError, match="do not fit"):
        writer.write(np.zeros((2, 30), np.uint8))


def test_differences_make_smooth_planes_smaller() -> None:
    smooth = np.add.outer(np.arange(512), 17 * np.arange(512)).astype(np.uint16)
    assert len(encode_tiff(smooth, np.uint16)) < smooth.nbytes / 20
