"""What lies at the places of a run's outputs already, and is in no line of its books.

Mostly somebody has put it there. But a run that was cut short has written files without a line, and a power cut may
take lines of files that are there; and a run that was told to replace whatever is there may not have come to that.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hypsegcli.errors import ImageError
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.kinds import SELF_TOLD, base_of
from hypsegcli.images.metadata import read_metadata
from hypsegcli.run.manifest import Line, files_of, outputs_of
from hypsegcli.run.plan import PlannedImage, fold
from hypsegcli.run.unfinished import begun, files_to_replace, part_of_unfinished

_COARSEST = 2  # seconds between times that a file system tells apart

Owner = Literal[
    "a run",  # which may have written it
    "to be replaced",  # somebody's, and a run was told to replace it
    "somebody",
]


class Unnamed(NamedTuple):
    """A file at the place of an output of an image; `status` is as os.lstat has it."""

    planned: PlannedImage
    path: Path
    status: os.stat_result
    owner: Owner


def find_unnamed(
    out: Path,
    plan: Sequence[PlannedImage],
    *,
    run: Mapping[str, Any],
    earlier: Mapping[str, Line],
) -> Iterator[Unnamed]:
    """Targets of a plan that are there, and that no line names, in the plan's order.

    `run` and `earlier` are run.json and the manifest of the folder. Folders are passed over: nothing replaces them.
    """
    there = list(_there(out, plan, earlier))
    if not there:
        return
    strange = {fold(path) for _, _, path, _ in there}
    for line in earlier.values():  # of another image, perhaps
        strange -= _named_by(line, out)
    replaced = files_to_replace(run)
    may_have_written = _written_without_a_line(run, earlier)
    for planned, kind, path, status in there:
        if fold(path) not in strange:
            continue
        owner: Owner = "somebody"
        if is_since(status, run) and may_have_written(planned, kind) and may_be_a_map(path, kind):
            owner = "a run"
        elif path.relative_to(out).as_posix() in replaced:
            owner = "to be replaced"
        yield Unnamed(planned, path, status, owner)


def _there(
    out: Path, plan: Sequence[PlannedImage], earlier: Mapping[str, Line]
) -> Iterator[tuple[PlannedImage, str, Path, os.stat_result]]:
    """Targets of a plan that are there, and that the image's own line does not name; it names nearly all there are."""
    for planned in plan:
        found = [(kind, path, status) for kind, path in planned.outputs.items() if (status := status_of(path))]
        line = earlier.get(str(planned.key)) if found else None
        named = _named_by(line, out) if line is not None else set()
        for kind, path, status in found:
            if fold(path) not in named:
                yield planned, kind, path, status


def _named_by(line: Line, out: Path) -> set[str]:
    """The files that a line tells of, as `fold` has their paths."""
    is_done = line["status"] == "done"
    return {fold(out / path) for path, digest in outputs_of(line).values() if is_done or _holds(out / path, digest)}


def _holds(path: Path, digest: Digest) -> bool:
    """Whether a file is still what was written; the size of a compressed one tells."""
    status = status_of(path)
    if status is None or status.st_size != digest.bytes:
        return False
    return path.suffix != ".npy" or digest_file(path) == digest


def may_be_a_map(path: Path, kind: str) -> bool:
    """Whether a file may be hypseg's by what it says of itself, where those of its kind say something."""
    if path.suffix not in {".png", ".tif"} or base_of(kind) not in SELF_TOLD:
        return True
    try:
        return read_metadata(path) is not None
    except ImageError:
        return False


def is_somebody_s(out: Path, name: str, run: Mapping[str, Any]) -> bool:
    """Whether a file of the whole run is there, such as ranking.csv, that no run has written."""
    status = status_of(out / name)
    may_be_a_run_s = is_since(status, run) and name in part_of_unfinished(run, "files")
    return status is not None and name not in files_of(run) and not may_be_a_run_s


def status_of(path: Path) -> os.stat_result | None:
    """As os.lstat has it; None where nothing is there, or a folder."""
    try:
        status = path.lstat()
    except (OSError, ValueError):  # of a name that cannot be
        return None
    return None if stat.S_ISDIR(status.st_mode) else status


def is_since(status: os.stat_result | None, run: Mapping[str, Any]) -> bool:
    """Whether a file that is there may have been written by a run; what is older, somebody else has put there."""
    try:
        return status is not None and status.st_mtime >= datetime.fromisoformat(run["started"]).timestamp() - _COARSEST
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def _written_without_a_line(run: Mapping[str, Any], earlier: Mapping[str, Line]) -> Callable[[PlannedImage, str], bool]:
    """Whether a run may have written the kind of an image's file, as far as its books can tell."""
    if "unfinished" in run:
        keys, outputs = set(begun(run, earlier)), part_of_unfinished(run, "outputs")
        return lambda planned, kind: str(planned.key) in keys and outputs.get(kind) == _suffix(planned, kind)
    try:
        others = run["counts"].get("others", 0)  # 0.1.0, whose lines are none, has none
        lines = int(run["counts"]["planned"]) + int(others)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        lines = 0
    lacks = lines > sum(line["status"] != "dropped" for line in earlier.values())
    return lambda planned, kind: lacks


def _suffix(planned: PlannedImage, kind: str) -> str:
    return planned.outputs[kind].name.removeprefix(planned.key.name)
