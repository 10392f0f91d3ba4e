"""Tables as CSV files, and from them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hypsegcli.files.atomic import replacing
from hypsegcli.files.digest import Digest, digest_stream
from hypsegcli.files.words import escaped

# How formulas begin, in letters of full width too, which spreadsheets of East Asia take for the others.
_FORMULA = tuple(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
_BYTES = {chr(0xDC00 + byte) for byte in range(0x80, 0x100)}  # of names that are no text
_DELIMITERS = ",;\t"  # as spreadsheets of different countries write them


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


def as_cell(text: str) -> str:
    """A text as `encode_csv` has it in its cell, by which a name is found again."""
    text = escaped(text, keep=_BYTES)
    return f"'{text}" if text.startswith(_FORMULA) else text


class Table(NamedTuple):
    """What was read of a CSV file."""

    header: list[str]  # all columns, in the order of the file
    delimiter: str
    rows: list[tuple[str, ...]]  # of the wanted columns, in the order in which they were wanted
    lines: list[int]  # of each row, its line in the file, counted from 1
    damaged: list[int]  # lines that are no row


def read_csv(data: bytes, wanted: Sequence[str]) -> Table:
    """The wanted columns of a CSV file in UTF-8, each line a row; empty lines are passed over.

    A line that lacks a cell, such as one that was cut off, costs itself and none of those behind it. Commas,
    semicolons and tabs are told apart by the header. Raises ValueError, with a few words that fit into a sentence,
    where that is not there.
    """
    text = data.decode("utf-8-sig", "surrogateescape")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    for delimiter in _DELIMITERS:
        header = _cells(lines[0], delimiter) or []
        if set(wanted) <= set(header):
            break
    else:
        raise ValueError(f"its first line names no columns {', '.join(wanted)}")
    places = [header.index(name) for name in wanted]
    table = Table(header, delimiter, [], [], [])
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        cells = _cells(line, delimiter)
        if cells is None or len(cells) != len(header):
            table.damaged.append(number)
        else:
            table.rows.append(tuple([cells[place] for place in places]))
            table.lines.append(number)
    return table


def _cells(line: str, delimiter: str) -> list[str] | None:
    if '"' not in line:  # of nearly all, and there may be a hundred thousand
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _cell(value: object) -> object:
    if isinstance(value, str):
        return as_cell(value)
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6f}"
