"""CSV files as other programs read them."""

import csv
import io
import math
import os

import pytest

from hypsegcli.files.table import as_cell, encode_csv, read_csv


def test_cells() -> None:
    name = os.fsdecode(b'caf\xe9, "left".png')
    rows = [(name, 3, 0.25, math.nan), ("b", 0, 1 / 3, -1e-9)]
    data = encode_csv(["image", "pixels", "share", "score"], rows)
    assert data.splitlines(keepends=True)[0] == b"image,pixels,share,score\r\n"
    assert b'"caf\xe9, ""left"".png"' in data  # the bytes on disk
    read = list(csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")))
    assert read[1:] == [[name, "3", "0.250000", ""], ["b", "0", "0.333333", "-0.000000"]]


def test_no_rows() -> None:
    assert encode_csv(["a", "b"], []) == b"a,b\r\n"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "=cmd|' /C calc'!A0", "\uff1d1", "-a.png", '="x",=1'])
def test_no_name_is_a_formula(name: str) -> None:
    data = encode_csv([name, "score"], [(name, -0.5), (f"a{name}", 1)])
    rows = list(csv.reader(io.StringIO(data.decode())))
    assert rows == [[f"'{name}", "score"], [f"'{name}", "-0.500000"], [f"a{name}", "1"]], "and numbers stay numbers"


def test_names_do_not_steer_who_reads_the_table() -> None:
    assert encode_csv(["\t=1"], [("a\x1b[31m\u202e\r\n",)]) == b"\\u0009=1\r\na\\u001b[31m\\u202e\\u000d\\u000a\r\n"


@pytest.mark.parametrize("name", ["plain", 'a,"b"; c', "=1+1", "+x", "line\nbreak", "\udcff.png", "ä\u202e", " x "])
def test_what_was_written_is_read_as_its_cells(name: str) -> None:
    table = read_csv(encode_csv(("key", "other", "n"), [(name, "x", 1), ("b", "y", 2)]), ("n", "key"))
    assert table.rows == [("1", as_cell(name)), ("2", "b")]
    assert (table.lines, table.damaged, table.delimiter) == ([2, 3], [], ",")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_of_spreadsheets_are_read_too(delimiter: str, end: str, mark: str) -> None:
    lines = [["b", "a"], ["1", "2"], [], ["3"], ["4", "5", "6"], ["7", "8"]]
    text = mark + end.join(delimiter.join(cells) for cells in lines)
    table = read_csv(text.encode(), ("a",))
    assert table.rows == [("2",), ("8",)]
    assert (table.header, table.delimiter, table.lines, table.damaged) == (["b", "a"], delimiter, [2, 6], [4, 5])


def test_an_open_quote_costs_its_own_line_alone() -> None:
    table = read_csv(b'a,b\r\n"x,1\r\ny,2\r\n"z""",3\r\n', ("a", "b"))
    assert (table.rows, table.damaged) == ([("y", "2"), ('z"', "3")], [2])


@pytest.mark.parametrize("data", [b"", b"\n", b"a\nb", b"a;c\n1;2", b"\xff\xfea\0,\0b\0"])
def test_a_table_without_the_wanted_columns_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="its first line names no columns a, b"):
        read_csv(data, ("a", "b"))
