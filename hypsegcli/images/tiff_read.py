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
from hypsegcli.images.georeference import georeference
from hypsegcli.images.icc import ToSrgb
from hypsegcli.images.metadata import kind_of_map, no_photograph
from hypsegcli.images.nodata import NOTE, Valid, all_valid, declared_nodata, differs
from hypsegcli.images.orientation import Orientation, tiff_orientation
from hypsegcli.images.picture_file import check_size, image_errors
from hypsegcli.images.tiff_directories import MASK, REDUCED, check_directories, read_directories
from hypsegcli.images.tiff_kind import check_said
from hypsegcli.images.tiff_pieces import JPEG, YCBCR
from hypsegcli.images.tiff_rows import PageRows, pieces_of

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_ALPHA = 2  # of ExtraSamples: colours are not multiplied by it
_PROFILE = 34675
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def tiff_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of a TIFF, told by its content; None of anything else, or where that cannot be read."""
    try:
        with open_regular(path) as file:
            if file.read(4) not in _MAGIC:
                return None
            whole = next(directory for directory in read_directories(path, file) if directory.is_whole)
            file.seek(0)
            with TiffImageFile(file) as image:
                image.seek(whole.index)  # none: it is below another picture
                return image.height, image.width
    except Exception:  # the usual way of decoding says what is wrong
        return None


def _find_page(file: Any) -> tuple[Any, int, Orientation]:
    """The first page that is no reduced copy, how many are at the top, and how it is turned; see `find_picture`."""
    whole = [page for page in file.pages if not page.subfiletype & (REDUCED | MASK)]
    if whole:
        page = file.pages[whole[0].index]
        return page, len(whole), _orientation(page)
    for index in range(len(file.pages)):
        above = file.pages[index].aspage()
        for page in above.pages or ():
            if not page.subfiletype & (REDUCED | MASK):
                return page, 1, _orientation(page, above)
    return file.pages.first, 1, _orientation(file.pages.first)


def _find_mask(file: Any, picture: Any) -> Any | None:
    """The page that is the mask of another, which follows it in its full size."""
    size = picture.imagelength, picture.imagewidth
    for frame in file.pages[picture.index + 1 :] if picture in list(file.pages[:]) else ():
        page = file.pages[frame.index].aspage()
        if not page.subfiletype & (REDUCED | MASK):
            return None
        if page.subfiletype & (REDUCED | MASK) == MASK and (page.imagelength, page.imagewidth) == size:
            return page
    return None


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
                self.georeference = georeference(self._page.tags.valueof)
                self._refuse(orientation)
        except BaseException:
            self._bytes.close()
            raise
        notes = [f"frame 1 of {frames} used"] if frames > 1 else []
        if self._page.bitspersample == 16:
            grey = self._page.samplesperpixel == 1
            notes.append("16-bit values divided by 257" if grey else "16-bit values reduced to 8 bits")
        if 0 in self._page.dataoffsets:
            notes.append("parts that are left out taken for black")
        self._nodata = declared_nodata(self._page.tags.valueof)
        self._rows = PageRows(path, self._file, self._page, blank=self._nodata or 0)
        mask = _find_mask(self._file, self._page)
        self._mask = None if mask is None else PageRows(path, self._file, mask)
        self._band: tuple[int, Valid | None] = 0, None  # rows that were read last: the first, and which have data
        self._lacks_data = self._is_transparent = False
        self._notes = notes
        self._bright = self._looked_at = self._last = self._top = 0  # samples, samples, row, the largest's high byte
        profile = self._page.tags.valueof(_PROFILE)
        self._colors = ToSrgb(profile, "L" if self._page.samplesperpixel == 1 else "RGB")
        if self._colors.note:
            notes.append(self._colors.note)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of a DecodedImage, as far as it was read."""
        dark = dark_note(self._bright, self._looked_at, self._top)
        shown = ["transparent pixels shown on white"] if self._is_transparent else []
        return (*self._notes, *shown, *([dark] if dark else []), *([NOTE] if self._lacks_data else []))

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
            samples = self._rows.read(start, stop)
            pixels = self._to_rgb(samples)
            if self._page.bitspersample == 16:
                self._look_at(start, samples, pixels)
            self._band = start, self._valid(samples, start, stop)
            return pixels

    def valid(self, start: int, stop: int) -> Valid | None:
        """(stop - start, W) of rows among those that were read last: whether there are data; None: everywhere."""
        first, valid = self._band
        if valid is None:
            return None
        part = valid[start - first : stop - first]
        self._lacks_data = self._lacks_data or not part.all()
        return part

    def _valid(self, samples: NDArray[Any], start: int, stop: int) -> Valid | None:
        colors = samples[..., :3] if samples.shape[2] > 1 else samples
        of_value = None if self._nodata is None else differs(colors, self._nodata)
        of_alpha = samples[..., 3] != 0 if samples.shape[2] == 4 and self.georeference else None
        of_mask = None if self._mask is None else self._mask.read(start, stop)[..., 0] != 0
        return all_valid(of_value, of_alpha, of_mask)

    def _look_at(self, start: int, samples: NDArray[Any], pixels: NDArray[np.uint8]) -> None:
        """Count what is bright in rows that were not read before: in grey as stored, in RGB once it is sRGB."""
        values, bits = (samples, 16) if samples.shape[2] == 1 else (pixels, 8)
        new = values[max(0, self._last - start) :]
        self._bright += count_bright(new, bits=bits)
        self._looked_at += new.size
        self._top = max(self._top, int(new.max(initial=0)) >> (bits - 8))
        self._last = max(self._last, start + len(values))

    def _to_rgb(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        if samples.dtype.itemsize > 1 and samples.shape[2] >= 3:
            samples = samples >> 8  # as Pillow does, within 1 of v / 257
        elif samples.dtype.itemsize > 1:
            samples = (samples.astype(np.uint32) * 255 + 32767) // 65535
        pixels = samples.astype(np.uint8)
        if samples.shape[2] == 4:
            self._is_transparent = self._is_transparent or bool((pixels[..., 3] < 255).any())
            rgba = Image.fromarray(pixels)
            pixels = np.array(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"))
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
        self._pieces = pieces_of(page)
        # Of a cut-out, whether its alpha means anything is known at its end.
        alpha = bool(self.georeference) and samples == 4 and tuple(page.extrasamples) == (_ALPHA,) and kind == _RGB
        if not ((color and (samples == 3 or alpha) and page.planarconfig == 1) or (grey and samples == 1)):
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
