"""Tables as CSV files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

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
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(map(_cell, header))
    writer.writerows(map(_cell, row) for row in rows)
    return table.getvalue().encode("utf-8", "surrogateescape")


def _cell(value: object) -> object:
    if isinstance(value, str):
        text = escaped(value, keep=_BYTES)
        return f"'{text}" if text.startswith(_FORMULA) else text
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6f}"
