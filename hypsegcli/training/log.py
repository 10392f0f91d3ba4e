"""`log.csv` of a training run: losses and scores, an epoch a line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from hypsegcli.errors import DataError
from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.files.words import count_of, shorten
from hypsegcli.training.validate import Scores

LOG = "log.csv"
COLUMNS = ("epoch", "loss", "radius_loss", "learning_rate", "curvature", "seconds", *Scores._fields)

_ADVICE = "mend it, or move the file away: then a new one begins"
_LETTERS = 60  # of a line in a sentence


class Log:
    """The lines of the epochs that are done; the file is written whole with each that is added."""

    def __init__(self, path: Path, *, done: int) -> None:
        """Read what there is of the first `done` epochs, before anything is trained that could not be logged.

        Raises DataError for a file that cannot be read, or is not their log to its end: what it held would be lost.
        """
        there = os.path.lexists(path)
        found = _read(path) if there else {}
        if there and done and done not in found:
            last = f"ends with epoch {max(found)}" if found else "holds no epoch"
            raise DataError(f"{path}: {last}, but {count_of(done, 'epoch')} are done; {_ADVICE}")
        self._path = path
        self._lines: dict[int, Mapping[str, object]] = {epoch: found[epoch] for epoch in found if epoch <= done}
        self.notes: tuple[str, ...] = ()  # on what is odd, and no reason to refuse it
        if done and not there:
            self.notes = (f"there is no {LOG} of the epochs that are done; it begins with the next one",)
        # A run that was stopped between its log and its state has such a line.
        elif again := sorted(found.keys() - self._lines.keys()):
            self.notes = (f"{LOG} has epoch {', '.join(map(str, again))} already, of which nothing was saved",)

    def add(self, epoch: int, line: Mapping[str, object]) -> None:
        """Write one more line, `COLUMNS` of an epoch; OSError where that cannot be."""
        lines = self._lines | {epoch: line}
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, COLUMNS)
        writer.writeheader()
        writer.writerows(lines.values())
        write_atomically(self._path, table.getvalue().encode())
        self._lines = lines


def _read(path: Path) -> dict[int, dict[str, str]]:
    try:
        rows = list(csv.reader(read_text(path).splitlines(), strict=True))
    except (UnreadableTextError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_ADVICE}") from error
    header, *rows = rows or [[]]
    if header and ("epoch" not in header or not set(header) <= set(COLUMNS) or len(set(header)) < len(header)):
        raise DataError(
            f"{path}, line 1: found '{_shown(header)}', expected names of columns, epoch among them; {_ADVICE}"
        )
    found: dict[int, dict[str, str]] = {}
    for number, row in enumerate(rows, start=2):
        line = dict(zip(header, row, strict=False))
        epoch = int(line["epoch"]) if line.get("epoch", "").isdecimal() else 0
        follows = epoch == max(found) + 1 if found else epoch > 0
        if len(row) != len(header) or not follows or not all(map(_is_number, row)):
            raise DataError(
                f"{path}, line {number}: found '{_shown(row)}', expected the {len(header)} numbers of epoch "
                f"{max(found) + 1 if found else 1}; {_ADVICE}"
            )
        found[epoch] = line
    return found


def _is_number(cell: str) -> bool:
    try:
        float(cell or 0)  # a score is empty where the epoch was not validated
    except ValueError:
        return False
    return True


def _shown(row: list[str]) -> str:
    return shorten(",".join(row), _LETTERS)
