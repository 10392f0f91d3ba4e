"""JPEGs that are not whole, though a decoder makes a picture of them: what an interrupted copy leaves behind.

Decoders go on where the data stop making sense and paint the rest grey or shifted; libjpeg only warns. A decode to an
eighth of the size, which costs half of that to pixels, tells what it warns of. It does not see zeros that its Huffman
tables can read, so that these are looked for here. ITU-T T.81 (1992), Annex B for the markers, C and F for the codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hypsegcli.errors import ImageError

_ZEROS = re.compile(rb"\0{32,}")  # 256 bits: no picture has them where they stand for something
_SECTOR = 512  # bytes; holes that disks and copies leave begin and end with one
_NEXT = re.compile(rb"\xff[^\0\xd0-\xd7\xff]")  # a marker in a scan, neither a stuffed FF nor a restart
_SOF, _DHT, _EOI, _SOS, _DRI = (0xC0, 0xC1, 0xC2), 0xC4, 0xD9, 0xDA, 0xDD
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FRAMES = {0xC3: "lossless", **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical")}
_FRAMES |= dict.fromkeys((0xC9, 0xCA), "arithmetic coding") | {0xCB: "lossless, arithmetic coding"}
_ALONE = (1, *range(0xD0, 0xD9))  # markers without a segment
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
    for kind, _, body in _segments(data):
        if kind in _SOF or kind in _FRAMES:
            bits = body[0] if body else 8
            if kind in _SOF and bits == 8:
                return
            what = _FRAMES.get(kind, f"{bits} bits a sample")
            raise ImageError(
                f"{path}: JPEGs of this kind are not read ({what}); save it as PNG, or as a usual JPEG", "unsupported"
            )
        if kind in (_SOS, _EOI):
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
    progressive, frame, interval = False, b"", 0
    for kind, stop, body in _segments(data):
        if kind in _SOF:
            progressive, frame = kind == 0xC2, body
        elif kind == _DRI:
            interval = int.from_bytes(body[:2], "big")
        elif kind == _DHT:
            tables |= _zero_codes(body)
        elif kind == _SOS and body:
            flat = _is_flat(body, tables, progressive=progressive)
            yield _Scan(stop, _scan_end(data, stop), flat, _restarts(frame, body, interval))


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The markers of a picture up to its end, as libjpeg finds them: kind, where the segment stops, what it holds."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xFF or kind in _ALONE:  # filling
            at += 1 if kind == 0xFF else 2
            continue
        stop = at + 2 if kind == _EOI else at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield kind, stop, data[at + 4 : stop]
        if kind == _EOI:
            return
        at = max(_scan_end(data, stop) if kind == _SOS else stop, at + 2)


def _scan_end(data: bytes, start: int) -> int:
    following = _NEXT.search(data, start)
    return following.start() if following else len(data)


def _restarts(frame: bytes, scan: bytes, interval: int) -> int:
    """How many restart markers a scan has, by the bodies of its frame's segment and of its own; A.2."""
    factors = {frame[at]: (frame[at + 1] >> 4, frame[at + 1] & 15) for at in range(6, len(frame) - 2, 3)}
    widest, highest = (max((factor[axis] for factor in factors.values()), default=0) for axis in (0, 1))
    if not (interval and widest and highest) or len(scan) < 2:
        return 0
    height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (1, 3))
    if scan[0] == 1:  # of one component, whose blocks are its own
        across, down = factors.get(scan[1], (0, 0))
        columns, rows = _over(_over(width * across, widest), 8), _over(_over(height * down, highest), 8)
    else:
        columns, rows = _over(width, 8 * widest), _over(height, 8 * highest)
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


def _is_flat(header: bytes, tables: dict[int, int], *, progressive: bool) -> bool:
    """Whether zeros in a scan say that nothing changes: no step in DC, and blocks that end where they begin."""
    number = header[0]
    if len(header) < 4 + 2 * number:
        return True  # libjpeg says what is wrong with it
    selectors = header[2 : 1 + 2 * number : 2]
    first, approximation = header[1 + 2 * number], header[3 + 2 * number] >> 4
    if first == 0 and not (approximation or all(tables.get(selector >> 4, 0) == 0 for selector in selectors)):
        return False
    if progressive and first == 0:
        return True
    codes = [tables.get(0x10 | selector & 15, 0) for selector in selectors]
    return all(code & 15 == 0 and code >> 4 <= (_EOB_RUN if progressive else 0) for code in codes)
