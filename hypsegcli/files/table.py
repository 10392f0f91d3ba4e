"""Tables as CSV files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from hypsegcli.files.atomic import replacing
from hypsegcli.files.digest import Digest, digest_stream
from hypsegcli.files.words import escaped

# How formulas begin, in letters of full width too, which spreadsheets of East Asia take for the others.
_FORMULA = tuple(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
_BYTES = {chr(0xDC00 + byte) for byte in range(0x80, 0x100)}  # of names that are no text


def encode_csv(header: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    """A CSV file of UTF-8; a float has six decimals, one that is NaN an empty cell.

    Names of files keep the bytes that they have on disk, even those that are no text. Control characters are escaped,
    and a text that a spreadsheet would take for a formula has an apostrophe before it, as spreadsheets themselves write
    it.
    """
    file = io.BytesIO()
    _write(file, header, rows)
    return file.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> Digest:
    """Write what `encode_csv` makes as `replacing` does, row by row, so that a table may be larger than memory."""
    with replacing(path) as file:
        _write(file, header, rows)
        return digest_stream(file)


def _write(file: BinaryIO, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    text = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="")
    csv.writer(text).writerows(map(_cell, row) for row in chain([header], rows))
    text.detach()


def _cell(value: object) -> object:
    if isinstance(value, str):
        text = escaped(value, keep=_BYTES)
        return f"'{text}" if text.startswith(_FORMULA) else text
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6f}"
