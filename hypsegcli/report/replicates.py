"""replicates.npz as it is read: whatever the file says of itself is looked at before anything is unpacked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from hypsegcli.errors import DataError, first_line
from hypsegcli.files.digest import digest_stream
from hypsegcli.files.regular import open_regular
from hypsegcli.report.npz import read_array
from hypsegcli.scores.bootstrap import Values

_MOST = 1_000_000  # replicates


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
            present = set(archive.namelist())
            return {name: _read_row(archive, name) for name in names if f"{name}.npy" in present}
    except Exception as error:  # a damaged archive raises nearly every kind there is
        raise DataError(
            f"{path}: cannot be read ({first_line(error)}); it belongs beside {report.name}: evaluate again"
        ) from error


def _read_row(archive: ZipFile, name: str) -> Values:
    values: Values = read_array(archive, name, np.float64, most=_MOST * 8)
    if values.ndim != 1:
        raise ValueError(f"{name} has the shape {values.shape}, expected a row")
    return values
