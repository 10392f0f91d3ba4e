"""The books of a run: manifest.jsonl, a line an image as it finishes, and run.json, the whole.

A run that resumes another believes a manifest line if the image was done by the same recipe (checkpoint and options
that decide the pixels), and if the input and all outputs still hold, byte for byte, what the line says.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from hypsegcli.files.atomic import append, write_atomically
from hypsegcli.files.books import MANIFEST, RUN
from hypsegcli.files.digest import Digest, digest_file, digest_of
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.files.words import count_of
from hypsegcli.run.difference import differences
from hypsegcli.run.left_over import find_left_over, to_be_written
from hypsegcli.run.manifest import (
    Line,
    input_of,
    outputs_of,
    place_of,
    placed,
    read_manifest,
    read_run,
    source_of,
    without_result,
)
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed, FileResult

Status = Literal[
    "finished",
    "stopped",  # for more images failed than were allowed to
    "interrupted",
    "aborted",  # by a defect, or an error that no image explains
]

# Of a line, while the run goes on: all of it is in the file, and a hundred thousand of them would fill memory.
_REMEMBERED = ("status", "height", "width", "summary", "notes")


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
        # Of this run's images, by key, in the order they were written; of its own, what is asked for after the run.
        self.lines: dict[str, Line] = {}
        self.others: list[Line] = []  # of an earlier run's images that this one was not asked for; until it is open
        self.remarks: list[str] = []  # sentences on what becomes of what an earlier run has made; once it is known
        self.stayed: list[str] = []  # files of an earlier run that were to go, had nobody changed them; once it is open
        self._written: dict[str, Digest] = {}  # files of the whole run, by name
        self._stale: list[Line] = []  # of images that are done again; until it is open
        self._dropped: list[Line] = []  # of images that nobody names any more; until it is open
        self._left_over: dict[Path, Digest] = {}  # files of an earlier run that this one does not make again
        self._rest: list[PlannedImage] = []  # that must be done
        self._started = time.time()
        self._clock = time.perf_counter()

    def unfinished(self, plan: Sequence[PlannedImage], *, keep: bool) -> list[PlannedImage]:
        """The images that must be done, in order. With `keep`, an earlier run's lines remain where they hold.

        To know that, every input and output that they speak of is read. Images that are not in the plan stay as they
        are; without `keep` they are dropped where the photograph is no longer in its folder.
        """
        earlier = read_manifest(self.out)
        planned_keys = {str(planned.key) for planned in plan}
        elsewhere = [line for key, line in earlier.items() if key not in planned_keys]
        self._dropped = [
            without_result(line, "dropped")
            for line in elsewhere
            if outputs_of(line) and (line["status"] == "dropped" or (not keep and _is_gone(line)))
        ]
        owned = {path for planned in plan for path in planned.outputs.values()}
        self.others = [
            line
            for line in elsewhere
            if line["status"] != "dropped"
            and not (_is_gone(line) and (line["status"] == "failed" or not keep))
            # No run writes such a line, but somebody may have edited it.
            and not any(self.out / path in owned for path, _ in outputs_of(line).values())
        ]
        pairs = [(planned, earlier.get(str(planned.key))) for planned in plan]
        workers = default_workers() if keep else 0
        rest = []
        with contextlib.closing(
            ahead(lambda pair: keep and self._holds(*pair), pairs, workers=workers, depth=4 * workers)
        ) as answers:
            for (planned, line), holds in zip(pairs, answers, strict=True):
                if line is not None and holds:
                    self.lines[line["key"]] = placed(line, planned.source)
                else:
                    rest.append(planned)
        before = [line for line in (earlier.get(str(planned.key)) for planned in rest) if line is not None]
        if keep:
            self.remarks = self._say_redone([line for line in before if line["status"] == "done"], of=len(plan))
        else:
            self.remarks = self._say_replaced()
        self._stale = [without_result(line, "stale") for line in before if outputs_of(line)]
        self._left_over = find_left_over(
            self.out, rest, earlier=earlier, dropped=self._dropped, kept=(*self.lines.values(), *self.others)
        )
        self._rest = rest
        return rest

    def open(self, *, total: int, further: Collection[str] = ()) -> None:
        """Write the lines kept from an earlier run, and a run.json that says it is under way, and what it will write.

        Those are the outputs of the images that must be done, and the files `further` of the whole run.

        Files of an earlier run that this one would make otherwise, or not at all, go, unless somebody has changed them.
        The manifest has their lines until they are gone or made again: should this run be killed, the next one knows
        them.
        """
        self._further = further
        self.total, self._kept, self._is_to_settle = total, len(self.others), bool(self._stale or self._dropped)
        kept = "".join(_dump(line) for line in (*self.others, *self.lines.values(), *self._stale, *self._dropped))
        write_atomically(self.out / MANIFEST, kept.encode())
        for path, digest in self._left_over.items():
            found = digest_file(path)
            if found == digest:
                path.unlink(missing_ok=True)
                self._remove_empty(path.parent)
            elif found is not None:
                self.stayed.append(path.relative_to(self.out).as_posix())
        self.others.clear()
        self._stale.clear()
        self._dropped.clear()
        self.lines = {key: _remembered(line) for key, line in self.lines.items()}
        self._write_run("running")

    def add(self, result: FileResult) -> None:
        """Append an image's line; it is in the file before this returns. OSError where that cannot be."""
        planned = result.planned
        line: Line = {"key": str(planned.key), **place_of(planned.source)}
        if isinstance(result, Failed):
            line |= {"status": "failed", "code": result.code, "reason": result.reason}
        else:
            line |= {
                "status": "done",
                "outputs": {kind: path.relative_to(self.out).as_posix() for kind, path in planned.outputs.items()},
                "bytes": {kind: digest.bytes for kind, digest in result.files.items()},
                "sha256": {kind: digest.sha256 for kind, digest in result.files.items()},
                "height": result.height,
                "width": result.width,
                "summary": dict(result.summary),
                "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
                "notes": list(result.notes),
                "recipe": self.recipe,
                "source": result.source._asdict(),
            }
        append(self.out / MANIFEST, _dump(line).encode())
        self.lines[line["key"]] = _remembered(line)  # only then does it count

    def settle(self) -> None:
        """Leave one line an image in the manifest, which has two where a stale one stood for it, and none dropped."""
        if self._is_to_settle:
            lines = [line for line in read_manifest(self.out).values() if line["status"] != "dropped"]
            write_atomically(self.out / MANIFEST, "".join(_dump(line) for line in lines).encode())

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the whole run, of which run.json will have the digest."""
        write_atomically(self.out / name, data)
        self._written[name] = digest_of(data)

    def close(self, status: Status, *, profile: Mapping[str, Any]) -> None:
        """Write the final run.json: how the run ended, and where the time went."""
        self._write_run(status, profile=profile)

    def count(self, status: str) -> int:
        """How many images of this run are `done` or `failed`."""
        return sum(line["status"] == status for line in self.lines.values())

    def notes(self) -> Iterator[str]:
        """What was done to images of this run on the way, image by image."""
        for line in self.lines.values():
            if line["status"] == "done":
                yield from line["notes"]

    def _remove_empty(self, folder: Path) -> None:
        """Remove folders in which nothing is left, which would pass for those of a kind that this run makes."""
        with contextlib.suppress(OSError):  # it holds something
            while folder != self.out:
                folder.rmdir()
                folder = folder.parent

    def _write_run(self, status: str, **more: Any) -> None:
        run = {
            "status": status,
            **self.description,
            "recipe": self.recipe,
            "counts": {
                "planned": self.total,
                "done": self.count("done"),
                "failed": self.count("failed"),
                "others": self._kept,  # lines of an earlier run's images
            },
            "files": {name: digest._asdict() for name, digest in self._written.items()},
            **self._unfinished(status),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started)),
            "seconds": round(time.perf_counter() - self._clock, 3),
            "notes": Counter(self.notes()),
            **more,
        }
        write_atomically(self.out / RUN, (json.dumps(run, indent=2) + "\n").encode())

    def _unfinished(self, status: str) -> dict[str, Any]:
        """What a run that is not finished has still to write, and may have written without a line of it."""
        if status == "finished":
            return {}
        rest = [planned for planned in self._rest if str(planned.key) not in self.lines]
        return {"unfinished": to_be_written(rest, [name for name in self._further if name not in self._written])}

    def _holds(self, planned: PlannedImage, line: Line | None) -> bool:
        if line is None or line["status"] != "done" or line["recipe"] != self.recipe:
            return False
        made = {kind: (self.out / path, digest) for kind, (path, digest) in outputs_of(line).items()}
        return (
            {kind: path for kind, (path, _) in made.items()} == planned.outputs
            and all(digest_file(path) == digest for path, digest in made.values())
            and digest_file(planned.source) == source_of(line)
        )

    def _say_replaced(self) -> list[str]:
        """What becomes of images that an earlier run has done and this one is not asked for, a sentence each."""
        sentences = []
        if gone := len(self._dropped):
            are, their = ("is", "its") if gone == 1 else ("are", "their")
            sentences.append(f"{count_of(gone, 'image')} of an earlier run {are} gone; {their} maps are removed")
        if stay := sum(line["status"] == "done" for line in self.others):
            are, verb = ("is", "stays") if stay == 1 else ("are", "stay")
            sentences.append(
                f"{count_of(stay, 'image')} of an earlier run {are} not among these and {verb}, made as it was then"
            )
        return sentences

    def _say_redone(self, lines: Sequence[Line], *, of: int) -> list[str]:
        """Why images that an earlier run has done are done again, a sentence a reason."""
        otherwise = [line for line in lines if line["recipe"] != self.recipe]
        changed = len(lines) - len(otherwise)
        sentences = []
        if otherwise:
            before = read_run(self.out)
            # run.json is that of the last run alone.
            known = all(line["recipe"] == before.get("recipe") for line in otherwise)
            which = "; ".join(differences(before, self.description)) if known else ""
            sentences.append(
                f"{len(otherwise)} of {count_of(of, 'image')} to be done again, made with other settings"
                + (f": {which}" if which else "")
            )
        if changed:
            sentences.append(f"{changed} of {count_of(of, 'image')} to be done again, changed since, or their maps")
        return sentences


def _is_gone(line: Line) -> bool:
    """Whether it is of an image that is no longer in its folder.

    That holds something else: one that is empty, or not there at all, may be of a disk that is not mounted.
    """
    path = input_of(line)
    try:
        with os.scandir(path.parent) as entries:
            is_empty = next(entries, None) is None
    except (OSError, ValueError):
        return False
    return not is_empty and os.access(path.parent, os.X_OK) and not os.path.lexists(path)


def versions() -> dict[str, str]:
    """Versions of what computes."""
    names = ("hypseg", "torch", "torchvision", "pillow", "opencv-python-headless", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _dump(line: Mapping[str, Any]) -> str:
    return json.dumps(line) + "\n"


def _remembered(line: Line) -> Line:
    return {name: line[name] for name in _REMEMBERED if name in line}
