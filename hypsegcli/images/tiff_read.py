"""A TIFF that is too large for memory, read by rows: only the tiles or strips that hold them are decoded.

What comes out is what `images.decode` makes of the same file. What it would have to do more for than look at the
samples (palettes, transparency, turning) is refused.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from hypsegcli.budget import BUDGET, MAX_PIXELS
from hypsegcli.errors import ImageError, setting
from hypsegcli.files.digest import Digest, digest_stream
from hypsegcli.files.regular import open_regular
from hypsegcli.images.decode import count_bright, dark_note
from hypsegcli.images.georeference import georeference, nodata_note
from hypsegcli.images.icc import ToSrgb
from hypsegcli.images.metadata import kind_of_map, no_photograph
from hypsegcli.images.orientation import Orientation, tiff_orientation
from hypsegcli.images.picture_file import check_size, image_errors
from hypsegcli.images.tiff_check import check_piece
from hypsegcli.images.tiff_directories import check_directories
from hypsegcli.images.tiff_kind import REDUCED, check_said, is_whole
from hypsegcli.images.tiff_pieces import JPEG, YCBCR, Pieces

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_PROFILE = 34675
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def tiff_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of a TIFF, told by its content; None of anything else, or where that cannot be read."""
    try:
        with open_regular(path) as file:
            if file.read(4) not in _MAGIC:
                return None
            check_directories(path, file)
            file.seek(0)
            with TiffImageFile(file) as image:
                whole = [number for number in range(image.n_frames) if is_whole(image, number)]
                image.seek(whole[0])  # none: it is below another picture
                return image.height, image.width
    except Exception:  # the usual way of decoding says what is wrong
        return None


def _find_page(file: Any) -> tuple[Any, int, Orientation]:
    """The first page that is no reduced copy, how many are at the top, and how it is turned; see `find_picture`."""
    whole = [page for page in file.pages if not page.subfiletype & REDUCED]
    if whole:
        page = file.pages[whole[0].index]
        return page, len(whole), _orientation(page)
    for index in range(len(file.pages)):
        above = file.pages[index].aspage()
        for page in above.pages or ():
            if not page.subfiletype & REDUCED:
                return page, 1, _orientation(page, above)
    return file.pages.first, 1, _orientation(file.pages.first)


def _orientation(*pages: Any) -> Orientation:
    """That of the first page that names one."""
    return next(filter(None, (tiff_orientation(page.tags.valueof) for page in pages)), Orientation())


class TiffRows:
    """The first picture of a TIFF as (H, W, 3) uint8 RGB of which only slices of rows can be had.

    A context manager, which holds the file open. Raises ImageError for more than
    `max_pixels` pixels, for a picture that cannot be read in parts, and where tifffile is not installed.
    """

    def __init__(self, path: Path, *, max_pixels: int = MAX_PIXELS, piece_bytes: int = BUDGET.tiff_piece_bytes) -> None:
        try:
            import imagecodecs  # noqa: F401 - tifffile looks for it only at the first compressed tile
            import tifffile
        except ImportError:
            raise ImageError(
                f"{path}: a picture as large as this is read tile by tile, for which tifffile and imagecodecs are "
                "needed: pip install 'hypseg[tiff]'",
                "unsupported",
            ) from None
        self._path, self._piece_bytes = path, piece_bytes
        with image_errors(path):
            self._bytes = open_regular(path)
        try:
            with image_errors(path):
                check_directories(path, self._bytes)
                self._bytes.seek(0)
                self._file = tifffile.TiffFile(self._bytes)
                self._page, frames, orientation = _find_page(self._file)
                self.shape = (self._page.imagelength, self._page.imagewidth, 3)
                check_size(path, *self.shape[:2], max_pixels=max_pixels)
                check_said(path, self._page.tags.valueof)
                if kind := kind_of_map({"ImageDescription": self._page.description}):
                    raise no_photograph(path, kind)
                self._refuse(orientation)
        except BaseException:
            self._bytes.close()
            raise
        notes = [f"frame 1 of {frames} used"] if frames > 1 else []
        if self._page.bitspersample == 16:
            grey = self._page.samplesperpixel == 1
            notes.append("16-bit values divided by 257" if grey else "16-bit values reduced to 8 bits")
        if note := nodata_note(self._page.tags.valueof):
            notes.append(note)
        if 0 in self._page.dataoffsets:
            notes.append("parts that are left out taken for black")
        self.georeference = georeference(self._page.tags.valueof)
        self._notes = notes
        self._bright = self._looked_at = self._last = 0  # samples, samples, row
        profile = self._page.tags.valueof(_PROFILE)
        self._colors = ToSrgb(profile, "L" if self._page.samplesperpixel == 1 else "RGB")
        if self._colors.note:
            notes.append(self._colors.note)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of a DecodedImage, as far as it was read."""
        dark = dark_note(self._bright, self._looked_at)
        return (*self._notes, *([dark] if dark else []))

    def __enter__(self) -> TiffRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._bytes.close()  # it is not tifffile's

    def digest(self) -> Digest:
        """Of the whole file as it is now; ImageError where it cannot be read."""
        with image_errors(self._path):
            return digest_stream(self._bytes)

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """Rows [start, stop), C-contiguous and writable; ImageError where they are damaged."""
        start, stop, _ = rows.indices(self.shape[0])
        with image_errors(self._path):
            page = self._page
            as_in_memory = page.is_contiguous and 0 not in page.dataoffsets and sum(page.databytecounts) >= page.nbytes
            samples = (self._contiguous if as_in_memory else self._decode)(start, stop)
            pixels = self._to_rgb(samples)
            if page.bitspersample == 16:
                self._look_at(start, samples, pixels)
            return pixels

    def _contiguous(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of a picture that lies in the file as it would lie in memory."""
        page = self._page
        dtype = np.dtype(page.dtype).newbyteorder(self._file.byteorder)
        row = page.imagewidth * page.samplesperpixel
        at = page.dataoffsets[0] + start * row * dtype.itemsize
        samples = self._file.filehandle.read_array(dtype, count=(stop - start) * row, offset=at)
        return samples.reshape(stop - start, page.imagewidth, page.samplesperpixel)

    def _decode(self, start: int, stop: int) -> NDArray[Any]:
        page, file = self._page, self._file.filehandle
        samples = np.zeros((stop - start, page.imagewidth, page.samplesperpixel), page.dtype)
        high, wide = self._pieces.high, self._pieces.wide
        across = -(-page.imagewidth // wide)
        jpeg = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if page.compression == JPEG else {}
        for index in range(start // high * across, -(-stop // high) * across):
            if not page.dataoffsets[index]:
                continue  # what is left out is black
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

    def _look_at(self, start: int, samples: NDArray[Any], pixels: NDArray[np.uint8]) -> None:
        """Count what is bright in rows that were not read before: in grey as stored, in RGB once it is sRGB."""
        values, bits = (samples, 16) if samples.shape[2] == 1 else (pixels, 8)
        new = values[max(0, self._last - start) :]
        self._bright += count_bright(new, bits=bits)
        self._looked_at += new.size
        self._last = max(self._last, start + len(values))

    def _to_rgb(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        if samples.dtype.itemsize > 1 and samples.shape[2] == 3:
            samples = samples >> 8  # as Pillow does, within 1 of v / 257
        elif samples.dtype.itemsize > 1:
            samples = (samples.astype(np.uint32) * 255 + 32767) // 65535
        pixels = samples.astype(np.uint8)
        if self._page.photometric == _WHITE_IS_ZERO:
            pixels = np.uint8(255) - pixels
        if self._colors:
            return np.array(self._colors.apply(Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])))
        return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)

    def _refuse(self, orientation: Orientation) -> None:
        """ImageError for what cannot be read in parts, or not faithfully."""
        page = self._page
        kind, samples = page.photometric, page.samplesperpixel
        color = kind == _RGB or (kind == YCBCR and page.compression == JPEG)
        grey = kind in (_BLACK_IS_ZERO, _WHITE_IS_ZERO)
        high, wide = page.chunks[:2]  # of a tile, or of a strip
        self._pieces = Pieces(
            width=page.imagewidth,
            height=page.imagelength,
            wide=wide,
            high=high,
            planes=1,
            bits=page.bitspersample * samples,
            compression=page.compression,
            photometric=kind,
            subsampling=(1, 1),  # means nothing in one plane
        )
        if not ((color and samples == 3 and page.planarconfig == 1) or (grey and samples == 1)):
            obstacle = f"it has {samples} samples a pixel of kind {getattr(kind, 'name', kind)}"
        elif page.dtype not in (np.uint8, np.uint16) or page.bitspersample not in (8, 16):
            obstacle = f"its samples have {page.bitspersample} bits of type {page.dtype}"
        elif orientation.number != 1:
            obstacle = f"it has to be turned ({orientation.source} orientation {orientation.number})"
        elif page.fillorder != 1:
            obstacle = "the bits of its bytes are in reverse (FillOrder 2)"
        elif not all(count for at, count in zip(page.dataoffsets, page.databytecounts, strict=True) if at):
            obstacle = "it does not say how many bytes its parts have"
        elif self._pieces.largest > self._piece_bytes and not page.is_contiguous:
            obstacle = f"it is stored in pieces of {self._pieces.largest / 2**20:,.0f} MiB"
        else:
            return
        raise ImageError(
            f"{self._path}: this TIFF is too large for memory and cannot be read in parts: {obstacle}; save it upright "
            f"as RGB or grey, 8 or 16 bits, in tiles, or take {setting('format', 'png')}, which reads it as a whole",
            "unsupported",
        )
