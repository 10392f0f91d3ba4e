"""What lies at the places of a run's outputs already, and is in no line of its books.

Mostly somebody has put it there. But a run that was cut short has written files without a line, and a power cut may
take lines of files that are there; and a run that was told to replace whatever is there may not have come to that.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hypsegcli.errors import ImageError
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.kinds import SELF_TOLD, base_of
from hypsegcli.images.metadata import read_metadata
from hypsegcli.run.manifest import Line, files_of, outputs_of
from hypsegcli.run.plan import PlannedImage, fold

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
    named = {
        fold(out / path)
        for line in earlier.values()
        for path, digest in outputs_of(line).values()
        if line["status"] == "done" or _holds(out / path, digest)
    }
    replaced = files_to_replace(run)
    may_have_written = _written_without_a_line(run, earlier)
    for planned in plan:
        for kind, path in planned.outputs.items():
            if (status := status_of(path)) is None or fold(path) in named:
                continue
            owner: Owner = "somebody"
            if is_since(status, run) and may_have_written(planned, kind) and _may_be_a_map(path, kind):
                owner = "a run"
            elif path.relative_to(out).as_posix() in replaced:
                owner = "to be replaced"
            yield Unnamed(planned, path, status, owner)


def _holds(path: Path, digest: Digest) -> bool:
    """Whether a file is still what was written; the size of a compressed one tells."""
    status = status_of(path)
    if status is None or status.st_size != digest.bytes:
        return False
    return path.suffix != ".npy" or digest_file(path) == digest


def _may_be_a_map(path: Path, kind: str) -> bool:
    """Whether a file may be hypseg's by what it says of itself, where those of its kind say something."""
    if path.suffix not in {".png", ".tif"} or base_of(kind) not in SELF_TOLD:
        return True
    try:
        return read_metadata(path) is not None
    except ImageError:
        return False


def is_somebody_s(path: Path, run: Mapping[str, Any]) -> bool:
    """Whether a file of the whole run is there, such as ranking.csv, that no run has written."""
    status = status_of(path)
    may_be_a_run_s = is_since(status, run) and path.name in _unfinished(run, "files")
    return status is not None and path.name not in files_of(run) and not may_be_a_run_s


def files_to_replace(run: Mapping[str, Any]) -> frozenset[str]:
    """Files of somebody's that a run, as run.json has it, was told to replace and has not, from its folder on."""
    found = run.get("replaces")
    return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()


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


def reached(run: Mapping[str, Any], earlier: Mapping[str, Line]) -> list[str]:
    """Keys of the images that were between a run's threads as it was cut short: it writes image after image."""
    images = list(_unfinished(run, "images"))
    try:
        most = int(run["options"]["workers"]) + 1  # between the network and their lines, which come in order
    except (KeyError, OverflowError, TypeError, ValueError):
        return []

    def has_line(key: str) -> bool:
        return earlier.get(key, {}).get("status") in {"done", "failed"}  # which it has been since

    return [key for key in islice(dropwhile(has_line, images), most) if not has_line(key)]


def _written_without_a_line(run: Mapping[str, Any], earlier: Mapping[str, Line]) -> Callable[[PlannedImage, str], bool]:
    """Whether a run may have written the kind of an image's file, as far as its books can tell.

    Where it came to no end, a power cut may have been the cause, which takes lines too: then it may be any image's.
    """
    if "unfinished" in run:
        was_killed = run.get("status") == "running"
        images, outputs = _unfinished(run, "images"), _unfinished(run, "outputs")
        keys = set(images if was_killed else reached(run, earlier))
        return lambda planned, kind: str(planned.key) in keys and outputs.get(kind) == _suffix(planned, kind)
    try:
        others = run["counts"].get("others", 0)  # 0.1.0, whose lines are none, has none
        lines = int(run["counts"]["planned"]) + int(others)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        lines = 0
    lacks = lines > sum(line["status"] != "dropped" for line in earlier.values())
    return lambda planned, kind: lacks


def _unfinished(run: Mapping[str, Any], name: str) -> Any:
    """A part of what run.json says of what is still to be written; empty where it says nothing."""
    found = run["unfinished"].get(name) if isinstance(run.get("unfinished"), dict) else None
    return found if isinstance(found, list if name == "files" else dict) else {}


def _suffix(planned: PlannedImage, kind: str) -> str:
    return planned.outputs[kind].name.removeprefix(planned.key.name)
