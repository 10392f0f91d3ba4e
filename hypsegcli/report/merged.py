"""What becomes of shards once their report is written: they go, also where a kill came in between.

A note says which report was made of which files. It is written before the report, and goes after the last of the files,
so that whoever finds it knows whether they are needed still.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.files.digest import digest_file
from hypsegcli.files.text import read_text
from hypsegcli.metrics.record import Record
from hypsegcli.report.bounds import Bound

NOTE = ".hypseg.merged"


class Note(Record):
    """Of which files a report is, and what it was to keep."""

    report_sha256: str
    files: dict[str, str]  # name to SHA-256
    bounds: tuple[Bound, ...]


def read_note(folder: Path, report: Path) -> Note | None:
    """The note on a report, where there is one, and the report is the one that it is on."""
    try:
        note = Note.model_validate_json(read_text(folder / NOTE))
    except ValueError:
        return None
    digest = digest_file(report)
    return note if digest is not None and digest.sha256 == note.report_sha256 else None


def remove_merged(folder: Path, note: Note) -> None:
    """Remove the files that a note is on, unless they have been written anew, and then the note."""
    for name, sha256 in note.files.items():
        path = folder / name
        digest = digest_file(path) if path.parent == folder else None  # a name leads nowhere else
        if digest is not None and digest.sha256 == sha256:
            path.unlink(missing_ok=True)
    (folder / NOTE).unlink(missing_ok=True)
