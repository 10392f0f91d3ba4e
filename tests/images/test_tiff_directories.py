"""Chains of TIFF directories: what ends is walked, what does not is refused at once."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.tiff_directories import PHOTOMETRIC, SUBFILE, check_directories, read_directories
from hypsegcli.images.tiff_read import TiffRows, tiff_size


def pages(number: int, *, order: str, big: bool) -> tuple[bytearray, list[int], list[int]]:
    """A TIFF of some pages, where its directories lie, and where each says what the next one is."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder=order, bigtiff=big) as file:  # type: ignore[arg-type]
        for _ in range(number):
            file.write(np.zeros((8, 8), np.uint8), photometric="minisblack", compression="zlib", metadata=None)
    buffer.seek(0)
    with tifffile.TiffFile(buffer) as file:
        found: list[Any] = list(file.pages)
        starts = [page.offset for page in found]
        stops = [page.offset + (8 + 20 * len(page.tags) if big else 2 + 12 * len(page.tags)) for page in found]
    return bytearray(buffer.getvalue()), starts, stops


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("number", "back"), [(1, 0), (3, 0), (3, 1), (150, 1)])
def test_a_chain_that_leads_back_is_damage(tmp_path: Path, number: int, back: int, big: bool, order: str) -> None:
    data, starts, stops = pages(number, order=order, big=big)
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    check_directories(path, io.BytesIO(data))
    struct.pack_into(order + ("Q" if big else "I"), data, stops[-1], starts[back])
    path.write_bytes(data)
    reads: list[Callable[[Path], object]] = [TiffRows] if big and order == ">" else [decode_image, TiffRows]
    for read in reads:
        with pytest.raises(ImageError, match="lead back into each other") as caught:
            read(path)
        assert caught.value.code == "damaged"
    assert tiff_size(path) is None


def test_directories_cost_what_their_file_says(tmp_path: Path) -> None:
    empty = b"".join(struct.pack("<HI", 0, 8 + 6 * number) for number in range(1, 200_000))
    overlapping = bytearray(200_000)  # two directories of 108,000 bytes each
    struct.pack_into("<H4xH", overlapping, 8, 9_000, 9_000)
    struct.pack_into("<I", overlapping, 10 + 12 * 9_000, 14)
    for body, says in ((empty, "more than 10,000 directories"), (bytes(overlapping[8:]), "claim more than")):
        path = tmp_path / "a.tif"
        path.write_bytes(b"II*\0\x08\0\0\0" + body)
        started = time.process_time()
        with pytest.raises(ImageError, match=says):
            check_directories(path, io.BytesIO(path.read_bytes()))
        assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "data", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff" + bytes(8), b"MM\0*" + bytes(12), b"words" * 9]
)
def test_what_has_no_chain_is_left_to_the_decoder(data: bytes) -> None:
    check_directories("a.tif", io.BytesIO(data))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_what_directories_say_is_what_another_reader_finds(order: Any, big: bool) -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder=order, bigtiff=big) as file:
        for size, kind in ((40, 0), (20, 1), (40, 4), (10, 5), (70_000, 0)):
            array: Any = np.zeros((3, size), np.bool_ if kind & 4 else np.uint8)
            file.write(array, photometric="mask" if kind & 4 else "minisblack", subfiletype=kind, compression="zlib")
    found = read_directories("a.tif", buffer)
    assert [each.index for each in found] == [0, 1, 2, 3, 4]
    assert [each.size for each in found] == [(3, 40), (3, 20), (3, 40), (3, 10), (3, 70_000)]
    assert [each.is_whole for each in found] == [True, False, False, False, True]
    assert [each.is_mask for each in found] == [False, False, True, False, False]
    for each in found:
        at, form = each.places[PHOTOMETRIC]
        assert struct.unpack_from(form, buffer.getvalue(), at) == (4 if each.numbers[SUBFILE] & 4 else 1,)
