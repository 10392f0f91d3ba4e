"""TIFFs that Pillow decodes to wrong pixels without a word: parts left out, samples as it does not know them, holes.

libtiff stops as soon as it has its pixels, which is before the sum behind them, and paints what zeros decode to.
TIFF 6.0 (Adobe, 1992) for the fields; technical note 2 (1995) for JPEG; RFC 1950 for the end of Deflate.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from PIL.TiffImagePlugin import TiffImageFile

from hypsegcli.errors import ImageError
from hypsegcli.images.jpeg_check import check_jpeg
from hypsegcli.images.tiff_jpeg import check_jpeg_piece
from hypsegcli.images.tiff_pieces import JPEG, YCBCR, Pieces

_PLAIN, _OLD_JPEG, _DEFLATE, _WEBP = 1, 6, (8, 32946), 50001
_CCITT = (2, 3, 4, 32771)  # of faxes: run lengths, groups 3 and 4, run lengths in words
_CMYK, _LAB = 5, 8
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_SAMPLES, _ROWS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TABLES, _SUBSAMPLING = 277, 278, 284, 322, 323, 347, 530
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips, of tiles
# Zeros that no encoder writes: those that run lengths leave of a picture are fewer than 129, of LZW fewer than 290, and
# Zstandard keeps as they are only those that it would gain little by; nor do 32 of any of them end a piece.
_HOLE = re.compile(rb"\0{512}|\0{32}\Z")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # of every byte, its bits from the other end
_STEP = 2**20  # bytes that are inflated at once, to be counted and forgotten
_SAVE = "save it as RGB of 8 or 16 bits, with the channels of a pixel together"


def check_tiff(path: Path | str, image: TiffImageFile, data: bytes) -> None:
    """Raise ImageError for a picture that is not whole, or of a kind that Pillow misreads; before it loads.

    `data` is the file that `image` was opened from.
    """
    tags = image.tag_v2
    compression, photometric = tags.get(_COMPRESSION, _PLAIN), tags.get(_PHOTOMETRIC)
    offsets, counts = (_numbers(tags.get(strips, tags.get(tiles, ()))) for strips, tiles in (_OFFSETS, _COUNTS))
    width, height, bits = tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0), max(_numbers(tags.get(_BITS, 1)))
    samples = tags.get(_SAMPLES, 1)
    if 0 in offsets and compression != _OLD_JPEG:
        raise ImageError(
            f"{path}: parts of this TIFF are left out, as GDAL does with SPARSE_OK=TRUE, and such are not read; "
            "write it anew with SPARSE_OK=FALSE",
            "unsupported",
        )
    if compression == _WEBP:
        raise ImageError(
            f"{path}: TIFFs compressed as WebP are not read; compress it with Deflate or LZW", "unsupported"
        )
    if compression in _CCITT:  # libtiff fills the rest of a line that makes no sense, and goes on
        raise ImageError(
            f"{path}: TIFFs compressed as faxes are (CCITT) are not read, since nothing in them tells damage; save it "
            "as PNG, or compress it with Deflate or LZW",
            "unsupported",
        )
    deep_planes = photometric == _CMYK and bits == 16 and compression == _PLAIN
    if tags.get(_PLANAR) == 2 and samples > 1 and (deep_planes or photometric == _LAB):
        kind = "LAB" if photometric == _LAB else "CMYK of 16 bits"
        raise ImageError(f"{path}: TIFFs of {kind} in planes are not read; {_SAVE}", "unsupported")
    if tags.get(_PLANAR) == 2 and samples == 2:  # of whose second one Pillow reads zeros
        raise ImageError(f"{path}: TIFFs of grey and alpha in planes are not read; {_SAVE}", "unsupported")
    if photometric == YCBCR and compression == _PLAIN and 0 < sum(counts) < width * height * samples:
        raise ImageError(
            f"{path}: TIFFs whose colours are stored at a lower resolution without compression are not read; {_SAVE}",
            "unsupported",
        )
    planes = samples if tags.get(_PLANAR) == 2 else 1
    pieces = Pieces(
        width=width,
        height=height,
        wide=tags.get(_TILE_WIDTH) or width,
        high=tags.get(_TILE_HEIGHT) or min(tags.get(_ROWS) or height, height),
        planes=planes,
        bits=bits * samples // planes,
        compression=compression,
        photometric=photometric,
        subsampling=tags.get(_SUBSAMPLING, (2, 2)),
    )
    if len(offsets) < pieces.number and compression != _OLD_JPEG:
        raise ImageError(
            f"{path}: the picture is truncated ({len(offsets):,} of the {pieces.number:,} parts of this TIFF); replace "
            "the file",
            "truncated",
        )
    if len(offsets) > pieces.number and (compression == _PLAIN or planes > 1):  # Pillow begins again at the top
        raise ImageError(
            f"{path}: this TIFF has {len(offsets):,} parts and rows for {pieces.number:,}, as where its height was "
            "lowered without them; write it anew",
            "unsupported",
        )
    if compression == _PLAIN and not any(counts):
        return  # some name none, and mean all that there is
    for index, (offset, count) in enumerate(zip(offsets[: pieces.number], counts, strict=False)):
        piece = data[offset : offset + count]
        if compression in _DEFLATE and tags.get(_FILL_ORDER) == 2:
            piece = piece.translate(_REVERSED)  # as libtiff does, whatever it decodes then
        check_piece(path, piece, pieces, index, tables=tags.get(_TABLES, b""))


def check_piece(path: Path | str, piece: bytes, pieces: Pieces, index: int, *, tables: bytes = b"") -> None:
    """Raise ImageError for a strip or tile, of some number, whose pixels are not all there or of other colours.

    `tables` are those that all pieces share if they are JPEGs.
    """
    if pieces.compression == JPEG:
        whole = tables[:-2] + piece[2:] if tables else piece
        check_jpeg(path, whole)
        check_jpeg_piece(path, whole, pieces.shape(index), photometric=pieces.photometric)
        return
    if pieces.compression in _DEFLATE:
        broken = not _inflates(piece, pieces.largest)
    elif pieces.compression == _PLAIN:
        broken = len(piece) < pieces.least(index)
    else:
        broken = pieces.compression != _OLD_JPEG and _HOLE.search(piece) is not None
    if broken:
        raise ImageError(
            f"{path}: the picture is damaged, as an interrupted copy leaves it (a part of this TIFF does not decode to "
            "its end); replace the file",
            "damaged",
        )


def _inflates(piece: bytes, size: int) -> bool:
    """Whether Deflate comes to its end with the right sum, and not to far more than there are pixels."""
    stream, made = zlib.decompressobj(), 0
    try:
        for start in range(0, len(piece), _STEP):
            rest = piece[start : start + _STEP]
            while not stream.eof and made <= size + _STEP:
                got = len(stream.decompress(rest, _STEP))
                rest, made = stream.unconsumed_tail, made + got
                if not rest and got < _STEP:
                    break
    except zlib.error:
        return False
    return stream.eof


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) if isinstance(value, int) else ()
