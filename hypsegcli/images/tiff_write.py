"""Planes to tiled TIFF files, a few rows at a time, from top to bottom.

Written by hand, for tiles are pushed here as they are finished, into several files at once; a library that takes an
array, or asks for the next tile, can do neither. TIFF 6.0 (Adobe, 1992) and Adobe's technical note on deflate;
BigTIFF where offsets may not fit into 32 bits.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hypsegcli.images.georeference import DOUBLE, Georeference

TILE = 256  # pixels, what most viewers of large images ask for at a time
LARGEST_CLASSIC = 2**32 - 2**26  # bytes of pixels; offsets have 32 bits, and the rest is for what does not compress

_GDAL_NODATA = 42113  # of GDAL, which QGIS and rasterio read too
_LEVEL = 1  # of deflate, as in images.write
_ASCII, _SHORT, _LONG, _LONG8 = 2, 3, 4, 16
_FORMATS = {_ASCII: "B", _SHORT: "H", _LONG: "I", _LONG8: "Q", DOUBLE: "d"}


class TiffWriter:
    """One plane (height, width) of uint8 or uint16, deflated; uint16 as differences along a row, which are smaller.

    With a `palette`, (N, 3) uint8 of at most 256 rows, pixels are indices into it; else grey, 0 is black.
    `description` is what ImageDescription holds, ASCII; `georeference` says where it lies, `nodata`
    which value stands for no data. A plane of more than `largest_classic` bytes is a BigTIFF.
    Nothing is a TIFF before `close`, which ValueError refuses before the last row.
    """

    def __init__(
        self,
        file: BinaryIO,
        height: int,
        width: int,
        dtype: type[np.uint8 | np.uint16],
        *,
        palette: NDArray[np.uint8] | None = None,
        description: str = "",
        georeference: Georeference = (),
        nodata: int | None = None,
        largest_classic: int = LARGEST_CLASSIC,
    ) -> None:
        self._file, self._height, self._width = file, height, width
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._palette, self._description, self._georeference = palette, description, georeference
        self._nodata = nodata
        self._big = height * width * self._dtype.itemsize > largest_classic
        self._offsets: list[int] = []
        self._sizes: list[int] = []
        self._rows = 0
        self._waiting = np.zeros((0, width), self._dtype)  # fewer rows than a tile has
        file.write(b"II+\0\x08\0\0\0" + bytes(8) if self._big else b"II*\0" + bytes(4))

    def write(self, rows: NDArray[Any]) -> None:
        """Add rows (n, width) below those that are there; ValueError for another width or one row too many."""
        self._rows += len(rows)
        if rows.shape[1:] != (self._width,) or self._rows > self._height:
            raise ValueError(f"rows {rows.shape} do not fit into {self._height} x {self._width}")
        waiting = np.concatenate([self._waiting, rows.astype(self._dtype)])
        whole = len(waiting) if self._rows == self._height else len(waiting) // TILE * TILE
        for top in range(0, whole, TILE):
            for left in range(0, self._width, TILE):
                self._add(waiting[top : min(top + TILE, whole), left : left + TILE])
        self._waiting = waiting[whole:].copy()

    def close(self) -> None:
        """Write the directory. The file itself remains open."""
        if self._rows != self._height:
            raise ValueError(f"{self._rows} of {self._height} rows were written")
        self._file.write(bytes(self._file.tell() % 2))  # a directory starts at an even byte
        start = self._file.tell()
        self._file.write(self._directory(start))
        self._file.seek(8 if self._big else 4)
        self._file.write(struct.pack("<Q" if self._big else "<I", start))

    def _add(self, pixels: NDArray[Any]) -> None:
        height, width = pixels.shape
        tile = np.pad(pixels, ((0, TILE - height), (0, TILE - width)), mode="edge")
        if self._dtype.itemsize > 1:
            tile[:, 1:] -= tile[:, :-1].copy()  # unsigned, so that it wraps around, as it should
        data = zlib.compress(tile.tobytes(), _LEVEL)
        self._offsets.append(self._file.tell())
        self._sizes.append(len(data))
        self._file.write(data)

    def _directory(self, start: int) -> bytes:
        where = _LONG8 if self._big else _LONG
        entries: list[tuple[int, int, Sequence[float]]] = [
            (256, _LONG, [self._width]),
            (257, _LONG, [self._height]),
            (258, _SHORT, [8 * self._dtype.itemsize]),
            (259, _SHORT, [8]),  # compression: deflate
            (262, _SHORT, [1 if self._palette is None else 3]),  # grey, 0 is black; or indices into a palette
            (270, _ASCII, self._description.encode("ascii") + b"\0"),
            (277, _SHORT, [1]),  # samples a pixel
            (284, _SHORT, [1]),  # which lie together
            (317, _SHORT, [2 if self._dtype.itemsize > 1 else 1]),  # differences, or the samples themselves
            (320, _SHORT, [] if self._palette is None else _colormap(self._palette)),
            (322, _LONG, [TILE]),
            (323, _LONG, [TILE]),
            (324, where, self._offsets),
            (325, where, self._sizes),
            (339, _SHORT, [1]),  # unsigned
            *self._georeference,
            (_GDAL_NODATA, _ASCII, b"" if self._nodata is None else f"{self._nodata}\0".encode()),
        ]
        entries = [entry for entry in entries if len(entry[2])]
        number, offset, entry_size = ("<Q", "Q", 20) if self._big else ("<H", "I", 12)
        room = struct.calcsize(offset)
        table = struct.pack(number, len(entries))
        after = start + len(table) + entry_size * len(entries) + room  # where values go that do not fit
        values = b""
        for tag, kind, content in entries:
            data = struct.pack(f"<{len(content)}{_FORMATS[kind]}", *content)
            table += struct.pack(f"<HH{offset}", tag, kind, len(content))
            if len(data) <= room:
                table += data.ljust(room, b"\0")
            else:
                table += struct.pack(f"<{offset}", after + len(values))
                values += data + bytes(len(data) % 2)
        return table + bytes(room) + values  # no further directory


def encode_tiff(
    plane: NDArray[Any],
    dtype: type[np.uint8 | np.uint16],
    *,
    palette: NDArray[np.uint8] | None = None,
    description: str = "",
    georeference: Georeference = (),
    nodata: int | None = None,
    largest_classic: int = LARGEST_CLASSIC,
) -> bytes:
    """A whole plane (H, W) as a file; the rest as for `TiffWriter`."""
    file = BytesIO()
    height, width = plane.shape
    writer = TiffWriter(
        file,
        height,
        width,
        dtype,
        palette=palette,
        description=description,
        georeference=georeference,
        nodata=nodata,
        largest_classic=largest_classic,
    )
    writer.write(plane)
    writer.close()
    return file.getvalue()


def _colormap(palette: NDArray[np.uint8]) -> list[int]:
    """256 reds, then greens, then blues, of 16 bits each."""
    colors = np.zeros((3, 256), np.uint16)
    colors[:, : len(palette)] = np.transpose(palette)
    table: list[int] = (257 * colors).ravel().tolist()
    return table
