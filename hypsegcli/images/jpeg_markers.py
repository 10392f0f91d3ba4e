"""The markers of a JPEG as libjpeg finds them. ITU-T T.81 (1992), Annex B."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SOF, DHT, EOI, SOS, DRI = (0xC0, 0xC1, 0xC2), 0xC4, 0xD9, 0xDA, 0xDD
PROGRESSIVE = 0xC2
_NEXT = re.compile(rb"\xff[^\0\xd0-\xd7\xff]")  # a marker in a scan, neither a stuffed FF nor a restart
_ALONE = (1, *range(0xD0, 0xD9))  # markers without a segment


class Component(NamedTuple):
    """One of the colours of a frame."""

    number: int  # by which scans name it
    across: int  # its sampling factors
    down: int


class Frame(NamedTuple):
    """What a frame's header says."""

    bits: int  # a sample
    height: int
    width: int
    components: tuple[Component, ...]


class Part(NamedTuple):
    """What a scan's header says, as far as it is there."""

    numbers: tuple[int, ...]  # of its components
    tables: tuple[int, ...]  # Huffman, of each: DC in the upper four bits, AC in the lower ones
    first: int  # of its coefficients, in their order in the file
    last: int
    high: int  # the bit at which it goes on, 0 where it begins
    low: int  # the bit that it comes down to


def segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The markers of a picture up to its end: kind, where the segment stops, what it holds."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xFF or kind in _ALONE:  # filling
            at += 1 if kind == 0xFF else 2
            continue
        stop = at + 2 if kind == EOI else at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield kind, stop, data[at + 4 : stop]
        if kind == EOI:
            return
        at = max(scan_end(data, stop) if kind == SOS else stop, at + 2)


def scan_end(data: bytes, start: int) -> int:
    """Where the codes of a scan stop that begin at `start`."""
    following = _NEXT.search(data, start)
    return following.start() if following else len(data)


def read_frame(body: bytes) -> Frame:
    """What the segment of a frame's header says; zeros for what it lacks, B.2.2."""
    head = body[:6].ljust(6, b"\0")
    components = tuple(
        Component(body[at], body[at + 1] >> 4, body[at + 1] & 15)
        for at in range(6, min(len(body) - 2, 6 + 3 * head[5]), 3)
    )
    return Frame(head[0], int.from_bytes(head[1:3], "big"), int.from_bytes(head[3:5], "big"), components)


def read_part(body: bytes) -> Part | None:
    """What the segment of a scan's header says; None where it is too short for it, B.2.3."""
    number = body[0] if body else 0
    if len(body) < 4 + 2 * number:
        return None
    first, last, bits = body[1 + 2 * number : 4 + 2 * number]
    return Part(
        tuple(body[1 : 1 + 2 * number : 2]), tuple(body[2 : 2 + 2 * number : 2]), first, last, bits >> 4, bits & 15
    )
