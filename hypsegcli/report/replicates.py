"""replicates.npz as it is read: whatever the file says of itself is looked at before anything is unpacked."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from hypsegcli.errors import DataError, first_line
from hypsegcli.files.digest import digest_stream
from hypsegcli.files.regular import open_regular
from hypsegcli.scores.bootstrap import Values

_MOST = 1_000_000  # replicates
_NPY_HEADER = 2**16  # bytes, which it may have at most


def read_replicates(report: Path, names: Collection[str], sha256: str | None = None) -> dict[str, Values]:
    """The replicates (R,) of those of the named scores that have some, from the replicates.npz beside a report.

    `sha256` is the file's as the report has it; an earlier version's has none. Raises DataError where the file is
    missing, damaged, another evaluation's, or holds anything else; nothing is unpacked that is larger than a million
    replicates are.
    """
    path = report.parent / "replicates.npz"
    try:
        with open_regular(path) as file:
            if sha256 is not None and digest_stream(file).sha256 != sha256:
                raise ValueError("it is not the one of this report")
            archive = ZipFile(file)
            members = {name: f"{name}.npy" for name in names}
            present = set(archive.namelist())
            return {name: _read_member(archive, member) for name, member in members.items() if member in present}
    except Exception as error:  # a damaged archive raises nearly every kind there is
        raise DataError(
            f"{path}: cannot be read ({first_line(error)}); it belongs beside {report.name}: evaluate again"
        ) from error


def _read_member(archive: ZipFile, member: str) -> Values:
    size = archive.getinfo(member).file_size
    if size > _MOST * 8 + _NPY_HEADER:
        raise ValueError(f"{member} has {size:,} bytes, more than {_MOST:,} replicates")
    file = io.BytesIO(archive.read(member))
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{member} has another version of NumPy's format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    values: Values = np.frombuffer(file.read(), np.float64)
    if dtype != np.float64 or shape != values.shape:
        raise ValueError(f"{member} holds {dtype} of shape {shape}, expected a row of float64")
    return values
