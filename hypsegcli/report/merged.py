"""What becomes of shards once their report is written: they go, also where a kill came in between.

A note says which report is made of which files. It is written before the report's other files, and goes after the last
file of a shard, so that whoever finds it knows what is done and what is left to do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from hypsegcli.files.digest import digest_file
from hypsegcli.files.text import read_text
from hypsegcli.metrics.record import Record
from hypsegcli.report.bounds import Bound

NOTE = ".hypseg.merged"


class Note(Record):
    """Of which files a report is made, and what its scores are to keep."""

    report_sha256: str
    files: dict[str, str]  # of shards: name to SHA-256
    bounds: tuple[Bound, ...]

    def progress(self, report: Path) -> Literal["begun", "written", "another's"]:
        """How far whoever wrote the note has come: the report is still to be written, is, or was replaced since."""
        if not os.path.lexists(report):
            return "begun"
        digest = digest_file(report)
        return "written" if digest is not None and digest.sha256 == self.report_sha256 else "another's"


def read_note(folder: Path) -> Note | None:
    """The note in a folder; None where there is none that can be read."""
    try:
        return Note.model_validate_json(read_text(folder / NOTE))
    except ValueError:
        return None


def remove_merged(folder: Path, note: Note) -> None:
    """Remove the files that a note is on, unless they have been written anew, and then the note."""
    for name, sha256 in note.files.items():
        path = folder / name
        digest = digest_file(path) if path.parent == folder else None  # a name leads nowhere else
        if digest is not None and digest.sha256 == sha256:
            path.unlink(missing_ok=True)
    (folder / NOTE).unlink(missing_ok=True)
