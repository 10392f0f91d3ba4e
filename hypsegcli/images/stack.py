"""The pages of a TIFF, each a picture: one after the other out of an open file, which is never in memory whole.

ImageJ writes stacks of more than 4 GB with one directory alone, behind whose page the others lie: its description says
how many there are (ImageJ's TiffDecoder). Their order is that of the file: channels first, then slices, then times.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import NamedTuple

from PIL.TiffImagePlugin import TiffImageFile

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import ImageError
from hypsegcli.files.digest import digest_shared
from hypsegcli.files.regular import open_regular, state_of
from hypsegcli.files.words import count_of
from hypsegcli.images.complete import check_complete
from hypsegcli.images.decode import DecodedImage, to_pixels
from hypsegcli.images.open_image import load_upright
from hypsegcli.images.picture_file import check_size, image_errors
from hypsegcli.images.tiff_directories import read_directories

_BITS, _COMPRESSION, _DESCRIPTION, _OFFSETS, _SAMPLES, _PLANAR = 258, 259, 270, 273, 277, 284
_IMAGEJ = re.compile(r"ImageJ=[^\n]*\n(?:.*\n)*?images=([0-9]{1,7})\b")
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0")


class Pages(NamedTuple):
    """Of a file, which pictures are pages: smaller copies and masks are none."""

    total: int
    directories: tuple[int, ...]  # of each; where there is one for several pages, these lie behind each other


def find_pages(path: Path) -> Pages | None:
    """The pages of a TIFF, told by its content; None of any other file, and of one that cannot be read."""
    try:
        with open_regular(path) as file:
            if file.read(4) not in _MAGIC:
                return None
            directories = tuple(each.index for each in read_directories(path, file) if each.is_whole)
            file.seek(0)
            with TiffImageFile(file) as image:
                said = _IMAGEJ.match(str(image.tag_v2.get(_DESCRIPTION, "")))
            behind = int(said[1]) if said and len(directories) == 1 else 1
            return Pages(max(len(directories), behind), directories)
    except Exception:  # the usual way of decoding says what is wrong
        return None


class Stack:
    """An open TIFF, whose pages are read in any order, by one thread at a time."""

    next = 0  # the first page that can be read still: see images.video.Video

    def __init__(self, path: Path, *, max_pixels: int = MAX_PIXELS) -> None:
        """ImageError where it cannot be opened."""
        self._path, self._max_pixels = path, max_pixels
        with image_errors(path):
            self._state = state_of(path.stat())
            found = find_pages(path)
            if found is None or not found.directories:
                raise ImageError(f"{path}: this is no TIFF any more; segment it again", "changed")
            self._pages = found
            self._file = open_regular(path)
            try:
                self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
                self._image = TiffImageFile(self._file)
            except BaseException:
                self._file.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()
        self._file.close()

    def frame(self, number: int) -> DecodedImage:
        """The page of a number, counted from 1, as `decode_image` gives a picture; the digest is of the whole file.

        Raises ImageError for one that is not there or cannot be decoded, and where the file is no longer what it was.
        """
        name = f"{self._path}#{number}"
        if number > self._pages.total:
            has = count_of(self._pages.total, "page")
            raise ImageError(
                f"{name}: the file has {has} by now, and this is none of them; segment it again", "changed"
            )
        with image_errors(name):
            behind = len(self._pages.directories) < self._pages.total
            image = self._at(self._pages.directories[0 if behind else number - 1])
            width, height = image.size
            check_size(name, height, width, max_pixels=self._max_pixels)
            check_complete(name, image, self._bytes)  # type: ignore[arg-type]  # of which slices are bytes
            if behind:
                self._lay_behind(name, number)
            opened = load_upright(name, image, b"", digest=digest_shared(self._path))
            decoded = to_pixels(name, opened)
            if state_of(self._path.stat()) != self._state:
                raise ImageError(f"{self._path}: it changed while it was read; segment it again", "changed")
            return decoded

    def _at(self, directory: int) -> TiffImageFile:
        """The picture of a directory, not loaded yet: Pillow stays where it is, with what it has loaded."""
        if self._image.tell() == directory and not self._image.tile:
            self._file.seek(0)
            self._image = TiffImageFile(self._file)
        self._image.seek(directory)
        return self._image

    def _lay_behind(self, name: str, number: int) -> None:
        """Let Pillow read a page that has no directory of its own; ImageError where it does not lie as ImageJ's do."""
        image = self._image
        tags, (width, height) = image.tag_v2, image.size
        samples = tags.get(_SAMPLES, 1)
        if tags.get(_COMPRESSION, 1) != 1 or (samples > 1 and tags.get(_PLANAR, 1) != 1):
            raise ImageError(
                f"{name}: its pages are said to lie behind one another, and are compressed or in planes, which is not "
                "read; save the stack anew, with a directory a page",
                "unsupported",
            )
        size = -(-width * samples * max(tags.get(_BITS, (1,))) // 8) * height
        offset = tags[_OFFSETS][0] + (number - 1) * size
        if offset + size > len(self._bytes):
            raise ImageError(
                f"{name}: the picture is truncated (the stack ends before this page); replace the file", "truncated"
            )
        tile = image.tile[0]
        mode = tile.args[0] if isinstance(tile.args, tuple) else tile.args
        image.tile = [tile._replace(codec_name="raw", extents=(0, 0, width, height), offset=offset, args=(mode, 0, 1))]
