"""CSV files as other programs read them."""

import csv
import io
import math
import os

from hypsegcli.files.table import encode_csv


def test_cells() -> None:
    name = os.fsdecode(b'caf\xe9, "left"\n.png')
    rows = [(name, 3, 0.25, math.nan), ("b", 0, 1 / 3, -1e-9)]
    data = encode_csv(["image", "pixels", "share", "score"], rows)
    assert data.splitlines(keepends=True)[0] == b"image,pixels,share,score\r\n"
    assert b'"caf\xe9, ""left""\n.png"' in data  # the bytes on disk
    read = list(csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")))
    assert read[1:] == [[name, "3", "0.250000", ""], ["b", "0", "0.333333", "-0.000000"]]


def test_no_rows() -> None:
    assert encode_csv(["a", "b"], []) == b"a,b\r\n"
