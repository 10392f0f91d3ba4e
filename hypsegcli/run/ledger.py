"""The books of a run: manifest.jsonl, a line an image as it finishes, and run.json, the whole.

A run that resumes another believes a manifest line if the image was done by the same recipe (checkpoint and options
that decide the pixels), the input is the same file and has not changed since, and all its outputs are there at their
full size.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from hypsegcli.files.atomic import write_atomically
from hypsegcli.run import MANIFEST, RUN
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed, FileResult

Status = Literal["finished", "interrupted", "aborted"]  # aborted: by a defect, or an error that no image explains


def recipe_id(checkpoint_sha256: str, options: Mapping[str, Any]) -> str:
    """A short name for everything that decides the pixels of the outputs."""
    text = json.dumps([version("hypseg"), checkpoint_sha256, options], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Ledger:
    """Writes the books of one run."""

    def __init__(self, out: Path, *, recipe: str, description: Mapping[str, Any]) -> None:
        self.out = out
        self.recipe = recipe
        self.description = dict(description)
        self.lines: dict[str, dict[str, Any]] = {}  # of this run's images, by key, in the order they were written
        self.others: list[dict[str, Any]] = []  # of an earlier run's images that this one was not asked for
        self._started = time.time()
        self._clock = time.perf_counter()

    def unfinished(self, plan: Sequence[PlannedImage]) -> list[PlannedImage]:
        """Keep the lines of images that need not be done again; return the images that must be, in order."""
        earlier = {line["key"]: line for line in self._read()}
        planned_keys = {str(planned.key) for planned in plan}
        self.others = [line for key, line in earlier.items() if key not in planned_keys]
        rest = []
        for planned in plan:
            line = earlier.get(str(planned.key))
            if line is not None and self._holds(line, planned):
                self.lines[str(planned.key)] = line
            else:
                rest.append(planned)
        return rest

    def open(self, *, total: int) -> None:
        """Write the lines kept from an earlier run, and a run.json that says it is under way."""
        self.total = total
        kept = "".join(_dump(line) for line in (*self.others, *self.lines.values()))
        write_atomically(self.out / MANIFEST, kept.encode())
        self._write_run("running")

    def add(self, result: FileResult) -> None:
        """Append an image's line; it is in the file before this returns."""
        planned = result.planned
        line: dict[str, Any] = {"key": str(planned.key), "input": str(planned.source)}
        if isinstance(result, Failed):
            line |= {"status": "failed", "reason": result.reason}
        else:
            line |= {
                "status": "done",
                "outputs": {kind: path.relative_to(self.out).as_posix() for kind, path in planned.outputs.items()},
                "bytes": {kind: path.stat().st_size for kind, path in planned.outputs.items()},
                "height": result.height,
                "width": result.width,
                "summary": dict(result.summary),
                "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
                "notes": list(result.notes),
                "recipe": self.recipe,
                "source": _fingerprint(planned.source),
            }
        self.lines[line["key"]] = line
        with (self.out / MANIFEST).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(_dump(line))

    def close(self, status: Status, *, profile: Mapping[str, Any]) -> None:
        """Write the final run.json: how the run ended, and where the time went."""
        self._write_run(status, profile=profile)

    def count(self, status: str) -> int:
        """How many images of this run are `done` or `failed`."""
        return sum(line["status"] == status for line in self.lines.values())

    def _write_run(self, status: str, **more: Any) -> None:
        run = {
            "status": status,
            **self.description,
            "recipe": self.recipe,
            "counts": {"planned": self.total, "done": self.count("done"), "failed": self.count("failed")},
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started)),
            "seconds": round(time.perf_counter() - self._clock, 3),
            "notes": Counter(note for line in self.lines.values() for note in line.get("notes", ())),
            **more,
        }
        write_atomically(self.out / RUN, (json.dumps(run, indent=2) + "\n").encode())

    def _read(self) -> list[dict[str, Any]]:
        try:
            text = (self.out / MANIFEST).read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return []
        lines = []
        for raw in text.splitlines():
            try:
                line = json.loads(raw)
            except json.JSONDecodeError:  # the last line of a run that was killed in the middle of it
                continue
            if isinstance(line, dict) and isinstance(line.get("key"), str):
                lines.append(line)
        return lines

    def _holds(self, line: Mapping[str, Any], planned: PlannedImage) -> bool:
        return (
            line.get("status") == "done"
            and line.get("recipe") == self.recipe
            and line.get("source") == _fingerprint(planned.source)
            and line.get("bytes") == {kind: _size(path) for kind, path in planned.outputs.items()}
        )


def versions() -> dict[str, str]:
    """Versions of what computes."""
    names = ("hypseg", "torch", "torchvision", "pillow", "opencv-python-headless", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _fingerprint(path: Path) -> list[str | int] | None:
    """Which file, its size in bytes and its time of last change in nanoseconds."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [os.path.realpath(path), status.st_size, status.st_mtime_ns]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _dump(line: Mapping[str, Any]) -> str:
    return json.dumps(line) + "\n"
