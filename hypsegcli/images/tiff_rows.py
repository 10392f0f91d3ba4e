"""Rows of one page of a TIFF: only the tiles or strips that hold them are decoded, by tifffile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import ImageError
from hypsegcli.images.tiff_check import check_piece
from hypsegcli.images.tiff_pieces import JPEG, Pieces


def pieces_of(page: Any) -> Pieces:
    """How the pixels of tifffile's page lie in pieces, the samples of a pixel together."""
    high, wide = page.chunks[:2]  # of a tile, or of a strip
    return Pieces(
        width=page.imagewidth,
        height=page.imagelength,
        wide=wide,
        high=high,
        planes=1,
        bits=page.bitspersample * page.samplesperpixel,
        compression=page.compression,
        photometric=page.photometric,
        subsampling=(1, 1),  # means nothing in one plane
    )


class PageRows:
    """Reads rows of tifffile's page of an open file; errors name `path`."""

    def __init__(self, path: Path, file: Any, page: Any, *, blank: int = 0) -> None:
        """`blank` is the value of samples that a sparse file leaves out, where they can have it, else 0."""
        self._path, self._file, self._page, self._pieces = path, file, page, pieces_of(page)
        fits = np.issubdtype(page.dtype, np.integer) and 0 <= blank <= np.iinfo(page.dtype).max
        self._blank = blank if fits else 0

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """(stop - start, W, C) samples as stored; ImageError for rows that are damaged."""
        page = self._page
        as_in_memory = page.is_contiguous and 0 not in page.dataoffsets and sum(page.databytecounts) >= page.nbytes
        return (self._contiguous if as_in_memory and page.bitspersample > 1 else self._decode)(start, stop)

    def _contiguous(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of a picture that lies in the file as it would lie in memory."""
        page = self._page
        dtype = np.dtype(page.dtype).newbyteorder(self._file.byteorder)
        row = page.imagewidth * page.samplesperpixel
        at = page.dataoffsets[0] + start * row * dtype.itemsize
        samples: NDArray[Any] = self._file.filehandle.read_array(dtype, count=(stop - start) * row, offset=at)
        return samples.reshape(stop - start, page.imagewidth, page.samplesperpixel)

    def _decode(self, start: int, stop: int) -> NDArray[Any]:
        page, file = self._page, self._file.filehandle
        samples = np.full((stop - start, page.imagewidth, page.samplesperpixel), self._blank, page.dtype)
        high, wide = self._pieces.high, self._pieces.wide
        across = -(-page.imagewidth // wide)
        jpeg = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if page.compression == JPEG else {}
        for index in range(start // high * across, -(-stop // high) * across):
            if not page.dataoffsets[index]:
                continue  # what is left out is blank
            file.seek(page.dataoffsets[index])
            data = file.read(page.databytecounts[index])
            if len(data) < page.databytecounts[index]:
                raise ImageError(f"{self._path}: the picture is truncated; replace the file", "truncated")
            check_piece(self._path, data, self._pieces, index, tables=page.jpegtables or b"")
            decoded, (_, _, top, left, _), _ = page.decode(data, index, _fullsize=page.is_tiled, **jpeg)
            first, last = max(top, start), min(top + decoded.shape[1], stop)
            part = decoded[0, first - top : last - top, : page.imagewidth - left]
            samples[first - start : last - start, left : left + part.shape[1]] = part
        return samples
