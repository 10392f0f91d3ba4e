"""The books of a run: manifest.jsonl, a line an image as it finishes, and run.json, the whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from hypsegcli.files.atomic import append, write_atomically
from hypsegcli.files.books import MANIFEST, RUN
from hypsegcli.files.digest import Digest, digest_file, digest_of
from hypsegcli.files.place import looking_ahead
from hypsegcli.run.asked import noted, said_to_run
from hypsegcli.run.earlier import NOTHING, look_back
from hypsegcli.run.etags import etags_of
from hypsegcli.run.left_over import to_be_written
from hypsegcli.run.manifest import Line, dump, place_of, read_manifest, without_result
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
    """Writes the books of one run; `cuts` says of a height and a width whether such an image goes in windows."""

    def __init__(
        self, out: Path, *, recipe: str, description: Mapping[str, Any], cuts: Callable[[int, int], bool]
    ) -> None:
        self.out = out
        self.recipe = recipe
        self.description = dict(description)
        self._cuts = cuts
        # Of this run's images, by key, in the order they were written; of its own, what is asked for after the run.
        self.lines: dict[str, Line] = {}
        self.remarks: Sequence[str] = ()  # on what becomes of what an earlier run has made; once it is known
        self.stayed: list[str] = []  # files of an earlier run that were to go, had nobody changed them; once it is open
        self._written: dict[str, Digest] = {}  # files of the whole run, by name
        self._earlier = NOTHING  # what an earlier run has left; until this one is open
        self._rest: list[PlannedImage] = []  # that must be done
        self._owed: Sequence[str] = ()  # files of the whole run that an earlier one was to write, and this one does not
        self._further: Collection[str] = ()  # files of the whole run that are to be written
        self._started = time.time()
        self._clock = time.perf_counter()

    def unfinished(
        self, plan: Sequence[PlannedImage], *, further: Collection[str] = (), keep: bool
    ) -> list[PlannedImage]:
        """The images that must be done, in order; last, those that failed when they were last tried.

        With `keep`, an earlier run's lines remain where they hold. `further` are the files of the whole run that are to
        be written too.
        """
        self._further = further
        with looking_ahead(), noted(self.out, plan, keep=keep):
            self._earlier = look_back(
                self.out,
                plan,
                recipe=self.recipe,
                description=self.description,
                cuts=self._cuts,
                further=further,
                keep=keep,
            )
        self.lines, self._rest, self.remarks = self._earlier.kept, self._earlier.rest, self._earlier.remarks
        return self._rest

    def open(self, *, total: int) -> None:
        """Write the lines kept from an earlier run, and a run.json that says it is under way, and what it will write.

        Files of an earlier run that this one would make otherwise, or not at all, go, unless somebody has changed them.
        The manifest has their lines until they are gone or made again: should this run be killed, the next one knows
        them.
        """
        earlier, self._earlier = self._earlier, NOTHING
        self._written |= earlier.whole
        self._owed = earlier.owed
        self.total, self._kept, self._is_to_settle = total, len(earlier.others), bool(earlier.stale or earlier.dropped)
        lines = [*earlier.others, *self.lines.values(), *earlier.stale, *earlier.dropped]
        self.lines = {key: _remembered(line) for key, line in self.lines.items()}
        known = {line["key"] for line in lines}
        new = [planned for planned in self._rest if str(planned.key) not in known]
        # To remove files may take long, and until run.json tells what is to be done, the manifest has to.
        asked = [without_result({"key": str(one.key), **place_of(one.source)}, "stale") for one in new]
        with said_to_run(self.out) if (self.out / RUN).is_file() else contextlib.nullcontext():
            write_atomically(self.out / MANIFEST, "".join(map(dump, (*lines, *asked))).encode())
            self._remove(earlier.left_over)
            self._write_run("running")
            if asked:
                write_atomically(self.out / MANIFEST, "".join(map(dump, lines)).encode())

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
                "windows": self._cuts(result.height, result.width),
                "summary": dict(result.summary),
                "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
                "notes": list(result.notes),
                "recipe": self.recipe,
                "source": result.source._asdict(),
                **etags_of(planned),
            }
        append(self.out / MANIFEST, dump(line).encode())
        self.lines[line["key"]] = _remembered(line)  # only then does it count

    def settle(self) -> None:
        """Leave one line an image in the manifest, which has two where a stale one stood for it, and none dropped."""
        if self._is_to_settle:
            lines = [line for line in read_manifest(self.out).values() if line["status"] != "dropped"]
            write_atomically(self.out / MANIFEST, "".join(dump(line) for line in lines).encode())

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

    def _remove(self, files: Mapping[Path, Digest]) -> None:
        """Remove files, each unless it holds something else by now."""
        for path, digest in files.items():
            found = digest_file(path)
            if found == digest:
                path.unlink(missing_ok=True)
                self._remove_empty(path.parent)
            elif found is not None:
                self.stayed.append(path.relative_to(self.out).as_posix())

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
        """What a run that is not finished has still to write, and may have written without a line of it.

        And of any run, which files that are no run's it was told to replace, and has not.
        """
        not_done = [one for one in self._rest if self.lines.get(str(one.key), {}).get("status") != "done"]
        theirs = [path.relative_to(self.out).as_posix() for planned in not_done for path in planned.theirs]
        replaces = ({"replaces": theirs} if theirs else {}) | ({"owed": list(self._owed)} if self._owed else {})
        if status == "finished":
            return replaces
        rest = [planned for planned in self._rest if str(planned.key) not in self.lines]
        further = [name for name in self._further if name not in self._written]
        return {"unfinished": to_be_written(rest, further), **replaces}


def versions() -> dict[str, str]:
    """Versions of what computes."""
    names = ("hypseg", "torch", "torchvision", "pillow", "opencv-python-headless", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _remembered(line: Line) -> Line:
    return {name: line[name] for name in _REMEMBERED if name in line}
