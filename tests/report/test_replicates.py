"""Archives of replicates that are none are refused before they are unpacked."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypsegcli.errors import DataError
from hypsegcli.report.replicates import read_replicates


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def lie() -> bytes:
    """An array that says to have a million million elements."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    return file.getvalue() + bytes(8)


def archive(member: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("miou.npy", member)
    return file.getvalue()


GOOD = archive(npy(np.arange(5.0)))
BAD = {
    "objects": archive(npy(np.array([{}], object))),
    "table": archive(npy(np.zeros((3, 4)))),
    "scalar": archive(npy(np.float64(1))),
    "texts": archive(npy(np.array(["a", "b"]))),
    "whole numbers": archive(npy(np.arange(9))),
    "no array": archive(b"no array"),
    "a plain array": npy(np.zeros(9)),
    "empty": b"",
    "cut": GOOD[:-40],
    "bomb of 64 MB": archive(bytes(64_000_000)),
    "lie": archive(lie()),
}


def test_the_scores_that_are_asked_for_are_read(tmp_path: Path) -> None:
    (tmp_path / "replicates.npz").write_bytes(GOOD)
    found = read_replicates(tmp_path / "report.json", ["miou", "auroc"])
    assert {name: values.tolist() for name, values in found.items()} == {"miou": [0.0, 1.0, 2.0, 3.0, 4.0]}
    assert read_replicates(tmp_path / "report.json", []) == {}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_replicates_is_refused_in_a_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "replicates.npz").write_bytes(BAD[kind])
    with pytest.raises(DataError, match=r"replicates\.npz: cannot be read \(.*evaluate again") as raised:
        read_replicates(tmp_path / "report.json", ["miou"])
    assert len(str(raised.value)) < 300 + len(str(tmp_path))


def test_an_archive_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_replicates(tmp_path / "report.json", ["miou"])


def test_an_archive_of_another_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "replicates.npz").write_bytes(GOOD)
    digest = hashlib.sha256(GOOD).hexdigest()
    assert read_replicates(tmp_path / "report.json", ["miou"], digest).keys() == {"miou"}
    (tmp_path / "replicates.npz").write_bytes(archive(npy(np.arange(6.0))))
    with pytest.raises(DataError, match="it is not the one of this report"):
        read_replicates(tmp_path / "report.json", ["miou"], digest)
