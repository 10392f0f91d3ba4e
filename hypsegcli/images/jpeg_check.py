"""JPEGs that are not whole, though a decoder makes a picture of them: what an interrupted copy leaves behind.

Decoders go on where the data stop making sense and paint the rest grey or shifted; libjpeg only warns. A decode to an
eighth of the size, which costs half of that to pixels, tells what it warns of. It does not see zeros that its Huffman
tables can read, so that these are looked for here. ITU-T T.81 (1992), C and F for the codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hypsegcli.errors import ImageError
from hypsegcli.images.jpeg_markers import (
    DHT,
    DRI,
    EOI,
    PROGRESSIVE,
    SOF,
    SOS,
    Frame,
    Part,
    read_frame,
    read_part,
    scan_end,
    segments,
)
from hypsegcli.images.jpeg_scans import check_scans

_ZEROS = re.compile(rb"\0{32,}")  # 256 bits: no picture has them where they stand for something
_SECTOR = 512  # bytes; holes that disks and copies leave begin and end with one
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FRAMES = {0xC3: "lossless", **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical")}
_FRAMES |= dict.fromkeys((0xC9, 0xCA), "arithmetic coding") | {0xCB: "lossless, arithmetic coding"}
_EXTRA = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_BUFFER = 16  # bytes behind the last pixel that the decoder has taken in without a warning
_EOB_RUN = 14  # the largest run of AC codes that ends a block, or many
# What it says of files of which nothing is missing, and of those that it does not read but Pillow does.
_HARMLESS = ("Unknown Adobe color transform", "unknown JFIF revision", "Invalid SOS parameters", "bad ICC marker")
_UNREAD = ("Could not determine subsampling", "Unsupported color conversion", "data precision")


@dataclass(frozen=True)
class _Scan:
    start: int  # of its data, up to the next marker
    stop: int
    flat: bool  # whether zeros in it can stand for a picture without any change
    restarts: int  # markers that are in it where it is whole


def refuse_unread_jpeg(path: Path | str, data: bytes) -> None:
    """Raise ImageError for the bytes of a JPEG that is neither baseline nor progressive, Huffman codes and 8 bits.

    TurboJPEG writes beyond its memory where it is asked for a lossless one made smaller, and of arithmetic codes nobody
    can tell a hole, so that none of those comes near a decoder.
    """
    for kind, _, body in segments(data):
        if kind in SOF or kind in _FRAMES:
            bits = body[0] if body else 8
            if kind in SOF and bits == 8:
                return
            what = _FRAMES.get(kind, f"{bits} bits a sample")
            raise ImageError(
                f"{path}: JPEGs of this kind are not read ({what}); save it as PNG, or as a usual JPEG", "unsupported"
            )
        if kind in (SOS, EOI):
            break
    raise ImageError(f"{path}: the picture is damaged (a JPEG without a frame header); replace the file", "damaged")


def check_jpeg(path: Path | str, data: bytes) -> None:
    """Raise ImageError for the bytes of a JPEG whose pixels are not all there, or of a kind that is not read.

    What follows its end marker, as cameras write it, and zeros or FF before it, are no part of the picture.
    """
    refuse_unread_jpeg(path, data)
    scans = list(_scans(data))
    end = scans[-1].stop if scans else 0
    if data[end : end + 2] != b"\xff\xd9":
        raise ImageError(f"{path}: the picture is truncated (a JPEG without an end); replace the file", "truncated")
    check_scans(path, data)
    filler, warning = 0, _warning(data)
    if any(words in warning for words in _UNREAD):
        filler = len(data)  # that may be
    elif warning and not any(words in warning for words in _HARMLESS):
        extra = _EXTRA.search(warning)
        filler = int(extra[1]) if extra else 0
        if not extra or (data[end - filler : end].strip(b"\0") and data[end - filler : end].strip(b"\xff")):
            cut = "remature end" in warning
            raise ImageError(
                f"{path}: the picture is {'truncated' if cut else 'damaged'}, as an interrupted copy leaves it "
                f"({warning}); replace the file",
                "truncated" if cut else "damaged",
            )
    for scan in scans:
        # libjpeg takes what lies between a part and the end for filling, though further parts are missing.
        missing = scan.restarts - len(_RESTART.findall(data, scan.start, scan.stop)) if filler else 0
        if missing > 0:
            raise ImageError(
                f"{path}: the picture is damaged, as an interrupted copy leaves it ({missing:,} of its parts are "
                "missing); replace the file",
                "damaged",
            )
        for zeros in _ZEROS.finditer(data, scan.start, scan.stop):
            last = zeros.end() == end
            if last and len(zeros[0]) <= filler + _BUFFER:
                continue
            # Flat blocks to the last and filling behind them are what a cut picture leaves; no encoder writes both.
            if not scan.flat or (last and filler) or not (zeros.start() % _SECTOR or zeros.end() % _SECTOR):
                raise ImageError(
                    f"{path}: the picture is damaged, as an interrupted copy leaves it ({len(zeros[0]):,} zeros in its "
                    "midst); replace the file",
                    "damaged",
                )


def _warning(data: bytes) -> str:
    """What libjpeg first says of the data; empty where it is content."""
    from simplejpeg import decode_jpeg

    try:
        decode_jpeg(data, colorspace="GRAY", min_height=1, min_width=1, strict=True)
    except ValueError as error:
        return str(error)
    return ""


def _scans(data: bytes) -> Iterator[_Scan]:
    """The scans of the first picture; the last one stops at its end marker, where it has one."""
    tables: dict[int, int] = {}  # Huffman, by class and number: the symbol of the code of zeros alone
    progressive, frame, interval = False, Frame(0, 0, 0, ()), 0
    for kind, stop, body in segments(data):
        if kind in SOF:
            progressive, frame = kind == PROGRESSIVE, read_frame(body)
        elif kind == DRI:
            interval = int.from_bytes(body[:2], "big")
        elif kind == DHT:
            tables |= _zero_codes(body)
        elif kind == SOS and body:
            part = read_part(body)  # None: libjpeg says what is wrong with it
            flat = part is None or _is_flat(part, tables, progressive=progressive)
            restarts = 0 if part is None else _restarts(frame, part.numbers, interval)
            yield _Scan(stop, scan_end(data, stop), flat, restarts)


def _restarts(frame: Frame, numbers: tuple[int, ...], interval: int) -> int:
    """How many restart markers a scan of these components has; A.2."""
    widest = max((component.across for component in frame.components), default=0)
    highest = max((component.down for component in frame.components), default=0)
    if not (interval and widest and highest and numbers):
        return 0
    if len(numbers) == 1:  # of one component, whose blocks are its own
        own = next((component for component in frame.components if component.number == numbers[0]), None)
        across, down = (own.across, own.down) if own else (0, 0)
        columns = _over(_over(frame.width * across, widest), 8)
        rows = _over(_over(frame.height * down, highest), 8)
    else:
        columns, rows = _over(frame.width, 8 * widest), _over(frame.height, 8 * highest)
    return max(0, _over(columns * rows, interval) - 1)


def _over(dividend: int, divisor: int) -> int:
    """Their quotient, rounded up."""
    return -(-dividend // divisor)


def _zero_codes(body: bytes) -> dict[int, int]:
    """The first symbol of every Huffman table of a segment: it has the code that is all zeros."""
    found, at = {}, 0
    while at + 17 < len(body):
        found[body[at]] = body[at + 17]
        at += 17 + sum(body[at + 1 : at + 17])
    return found


def _is_flat(part: Part, tables: dict[int, int], *, progressive: bool) -> bool:
    """Whether zeros in a scan say that nothing changes: no step in DC, and blocks that end where they begin."""
    if part.first == 0 and not (part.high or all(tables.get(selector >> 4, 0) == 0 for selector in part.tables)):
        return False
    if progressive and part.first == 0:
        return True
    codes = [tables.get(0x10 | selector & 15, 0) for selector in part.tables]
    return all(code & 15 == 0 and code >> 4 <= (_EOB_RUN if progressive else 0) for code in codes)
