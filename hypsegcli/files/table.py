"""Tables as CSV files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence


def encode_csv(header: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    """A CSV file of UTF-8; a float has six decimals, one that is NaN an empty cell.

    Names of files keep the bytes that they have on disk, even those that are no text.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(header)
    writer.writerows(map(_cell, row) for row in rows)
    return table.getvalue().encode("utf-8", "surrogateescape")


def _cell(value: object) -> object:
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6f}"
