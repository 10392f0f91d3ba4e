"""Pages, in any order, are what the same picture is in a file of its own."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from hypsegcli.errors import ImageError
from hypsegcli.files.digest import digest_file
from hypsegcli.images.decode import decode_image
from hypsegcli.images.stack import Stack, find_pages

RNG = np.random.default_rng(0)


def is_page_by_page(path: Path, arrays: Any, tmp_path: Path, **options: Any) -> None:
    with closing(Stack(path)) as stack:
        for number in (3, 1, 1, 2, 3):
            tifffile.imwrite(tmp_path / "one.tif", arrays[number - 1], **options)
            alone, page = decode_image(tmp_path / "one.tif"), stack.frame(number)
            np.testing.assert_array_equal(page.pixels, alone.pixels)
            assert page.notes == alone.notes
            assert page.digest == digest_file(path)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "jpeg"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_smaller_copies_and_masks_are_no_pages(tmp_path: Path, compression: Any, bigtiff: bool) -> None:
    arrays, path = RNG.integers(0, 256, (3, 40, 30, 3), np.uint8), tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff=bigtiff) as writer:
        for array in arrays:
            writer.write(array, photometric="rgb", compression=compression)
            writer.write(array[::2, ::2], photometric="rgb", subfiletype=1)
            writer.write(array[..., 0] > 9, photometric="mask", subfiletype=4)
    assert find_pages(path) == (3, (0, 3, 6))
    is_page_by_page(path, arrays, tmp_path, photometric="rgb", compression=compression)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("is_cut", [False, True])
def test_stacks_of_imagej_have_their_pages_behind_one_directory(tmp_path: Path, kind: Any, is_cut: bool) -> None:
    """As it writes those of more than 4 GB."""
    arrays, path = RNG.integers(0, 256, (3, 40, 30), kind), tmp_path / "a.tif"
    tifffile.imwrite(path, arrays, imagej=True)
    if is_cut:
        leave_one_directory(path)
    found = find_pages(path)
    assert found is not None
    assert (found.total, len(found.directories)) == (3, 1 if is_cut else 3)
    is_page_by_page(path, arrays, tmp_path)


def leave_one_directory(path: Path) -> None:
    data = bytearray(path.read_bytes())
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, at)
    data[at + 2 + 12 * entries :][:4] = bytes(4)
    data[at + 2 + 12 * entries : at + 6 + 12 * entries] = bytes(4)
    path.write_bytes(data)


def test_colours_of_imagej_lie_behind_one_directory_too(tmp_path: Path) -> None:
    arrays, path = RNG.integers(0, 256, (3, 40, 30, 3), np.uint8), tmp_path / "a.tif"
    tifffile.imwrite(path, arrays, imagej=True)
    leave_one_directory(path)
    is_page_by_page(path, arrays, tmp_path, photometric="rgb")


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_page_beyond_the_end_is_none(tmp_path: Path, is_cut: bool) -> None:
    """As of a stack that was saved anew with fewer pages."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RNG.integers(0, 256, (3, 40, 30), np.uint8), imagej=True)
    if is_cut:
        leave_one_directory(path)
    with closing(Stack(path)) as stack, pytest.raises(ImageError, match=r"a.tif#4: the file has 3 pages by") as caught:
        stack.frame(4)
    assert caught.value.code == "changed"


def test_a_page_that_was_cut_off_fails_and_others_do_not(tmp_path: Path) -> None:
    arrays, path = RNG.integers(0, 256, (4, 40, 30), np.uint8), tmp_path / "a.tif"
    tifffile.imwrite(path, arrays, imagej=True)
    leave_one_directory(path)
    with tifffile.TiffFile(path) as file:
        start = file.pages.first.dataoffsets[0]
    path.write_bytes(path.read_bytes()[: start + 3 * 1200 + 5])
    with closing(Stack(path)) as stack:
        np.testing.assert_array_equal(stack.frame(3).pixels[..., 0], arrays[2])
        with pytest.raises(ImageError, match=r"a\.tif#4: the picture is truncated"):
            stack.frame(4)
        stack.frame(1)


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8))
    with closing(Stack(path)) as stack:
        stack.frame(1)
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(ImageError, match="it changed while it was read"):
            stack.frame(2)


def test_other_files_have_no_pages(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0" + bytes(20))
    (tmp_path / "b.tif").write_bytes(b"\x89PNG")
    assert find_pages(tmp_path / "a.tif") is None
    assert find_pages(tmp_path / "b.tif") is None
    assert find_pages(tmp_path / "c.tif") is None
    with pytest.raises(ImageError, match="this is no TIFF any more"):
        Stack(tmp_path / "b.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_stack_is_never_in_memory_whole(tmp_path: Path, compression: Any) -> None:
    def peak(pages: int) -> int:
        path = tmp_path / f"{pages}.tif"
        with tifffile.TiffWriter(path) as writer:
            for page in noise(pages):
                writer.write(page, photometric="minisblack", compression=compression)
        with closing(Stack(path)) as stack:
            stack.frame(1)
            tracemalloc.start()
            for number in range(1, pages + 1):
                stack.frame(number)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    assert peak(40) < peak(4) + 2**19  # forty pages have 2.6 MB


def noise(pages: int) -> Iterator[np.ndarray]:
    return (RNG.integers(0, 256, (256, 256), np.uint8) for _ in range(pages))
