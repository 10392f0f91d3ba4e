"""CSV files as other programs read them."""

import csv
import io
import math
import os

import pytest

from hypsegcli.files.table import encode_csv


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
