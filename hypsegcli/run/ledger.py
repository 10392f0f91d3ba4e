"""The books of a run: manifest.jsonl, a line an image as it finishes, and run.json, the whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import platform
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from hypsegcli.files.atomic import append, write_atomically
from hypsegcli.files.books import Books
from hypsegcli.files.digest import Digest
from hypsegcli.files.hold import Hold
from hypsegcli.files.place import looking_ahead
from hypsegcli.files.shard import Shard
from hypsegcli.run.accounts import MERGING, begin_anew, next_generation, take_over
from hypsegcli.run.asked import asked_for, noted, said_to_run
from hypsegcli.run.earlier import NOTHING, look_back
from hypsegcli.run.etags import etags_of
from hypsegcli.run.left_over import remove
from hypsegcli.run.lines import Lines, Selection, write_lines
from hypsegcli.run.manifest import Line, dump, place_of, read_object
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed, FileResult
from hypsegcli.run.tables import say_changed
from hypsegcli.run.unfinished import to_be_written
from hypsegcli.run.whole_files import owed_by

Status = Literal[
    "finished",
    "stopped",  # for more images failed than were allowed to
    "interrupted",
    "aborted",  # by a defect, or an error that no image explains
]


def recipe_id(checkpoint_sha256: str, options: Mapping[str, Any]) -> str:
    """A short name for everything that decides the pixels of the outputs."""
    text = json.dumps([version("hypseg"), checkpoint_sha256, options], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Ledger:
    """Writes the books of one run; `cuts` says of a height and a width whether such an image goes in windows."""

    def __init__(
        self,
        out: Path,
        *,
        recipe: str,
        description: Mapping[str, Any],
        cuts: Callable[[int, int], bool],
        shard: Shard | None = None,
        hold: Hold | None = None,
    ) -> None:
        """Of a shard, it writes the books of that one; then what it is told of are the images of the shard.

        `hold` is that of the folder, whose file system may have another clock than this machine.
        """
        self.out = out
        self._books = Books(out, shard)
        self.recipe = recipe
        self.description = dict(description)
        self._cuts = cuts
        # Of this run's images, what is asked for after it; all lines of a million of them would fill memory.
        self._ended: dict[str, str] = {}  # done or failed, by key
        self._counts = Counter[str]()
        self._notes = Counter[str]()
        self.means = array("d")  # of the calibrated measure, for each that is done; NaN where it was not computed
        self.remarks: Sequence[str] = ()  # on what becomes of what an earlier run has made; once it is known
        self.stayed: list[str] = []  # files of an earlier run that were to go, had nobody changed them; once it is open
        self._written: dict[str, Digest] = {}  # files of the whole run, by name
        self._was_killed = False  # an earlier run, which says no more than that it is under way
        self._earlier = NOTHING  # what an earlier run has left; until this one is open
        self._rest: list[PlannedImage] = []  # that must be done
        self._owed: Sequence[str] = ()  # files of the whole run that an earlier one was to write, and this one does not
        self._further: Collection[str] = ()  # files of the whole run that are to be written
        # By the earlier of two clocks: no file that this run writes may pass for older.
        began = time.time() if hold is None else min(time.time(), hold.since())
        self._began = datetime.fromtimestamp(began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._clock = time.perf_counter()

    def unfinished(
        self,
        plan: Sequence[PlannedImage],
        *,
        of_others: Sequence[PlannedImage] = (),
        further: Collection[str] = (),
        keep: bool,
    ) -> list[PlannedImage]:
        """The images that must be done, in order; last, those that failed when they were last tried.

        With `keep`, an earlier run's lines remain where they hold. `of_others` are the images of the other shards,
        `further` the files of the whole run that are to be written too.
        """
        remarks: list[str] = []
        to_make = further
        if self._books.shard is None:
            self._further = further
            take_over(self.out)
        else:
            begin_anew(self._books)
            remarks += say_changed(self.out, read_object(Books(self.out).run), further)
            self._leave_to_merging(further, self._books.shard)
            further = ()
        keep_all = keep or self._books.shard is not None
        self._was_killed = read_object(self._books.run).get("status") == "running"
        killed = self._was_killed
        with looking_ahead(), noted(self._books, plan, of_others=of_others, keep=keep_all, was_killed=killed):
            self._earlier = look_back(
                self._books,
                plan,
                of_others=of_others,
                recipe=self.recipe,
                description={**self.description, "started": self._began},
                cuts=self._cuts,
                further=further,
                keep=keep,
            )
        self._rest, self.remarks = self._earlier.rest, [*remarks, *self._earlier.remarks]
        if self._rest and MERGING in self.description:  # these go
            self.description[MERGING] = [name for name in self.description[MERGING] if name not in to_make]
        return self._rest

    def _leave_to_merging(self, further: Collection[str], shard: Shard) -> None:
        """Let a shard's books say what of many images is missing until somebody merges, those of earlier plans too."""
        own = read_object(self._books.run)
        self._owed = sorted({*further, *owed_by(own)})
        said = {**self.description.get("shard", {}), "generation": next_generation(self.out, shard)}
        merging = found if isinstance(found := own.get(MERGING), list) else []
        written = [name for name in merging if isinstance(name, str)]
        self.description |= {"shard": said} | ({MERGING: written} if written else {})

    def open(self, *, total: int) -> None:
        """Write the lines kept from an earlier run, and a run.json that says it is under way, and what it will write.

        Files of an earlier run that this one would make otherwise, or not at all, go, unless somebody has changed them.
        The manifest has their lines until they are gone or made again: should this run be killed, the next one knows
        them.
        """
        earlier, self._earlier = self._earlier, NOTHING
        self._written |= earlier.whole
        self._owed = [*self._owed, *earlier.owed]
        self.total, self._kept, self._is_to_settle = total, len(earlier.others), bool(earlier.stale or earlier.dropped)
        for line in earlier.kept:
            self._note(line)
        # To remove files may take long, and until run.json tells what is to be done, the manifest has to.
        asked = Selection(earlier.new, asked_for)
        goes_on = said_to_run(self._books, was_killed=self._was_killed)
        with goes_on if self._books.run.is_file() else contextlib.nullcontext():
            write_lines(self._books.manifest, chain(earlier.lines(), asked))
            self.stayed += remove(self.out, earlier.left_over)
            self._write_run("running")
            if asked:
                write_lines(self._books.manifest, earlier.lines())

    def add(self, result: FileResult) -> None:
        """Append an image's line; it is in the file before this returns. OSError where that cannot be."""
        planned = result.planned
        line: Line = {"key": str(planned.key), **place_of(planned.source, planned.frame, planned.page)}
        if isinstance(result, Failed):
            line |= {"status": "failed", "code": result.code, "reason": result.reason}
        else:
            line |= {
                "status": "done",
                "outputs": {kind: path.relative_to(self.out).as_posix() for kind, path in planned.outputs.items()},
                "bytes": {kind: digest.bytes for kind, digest in result.files.items()},
                "sha256": {kind: digest.sha256 for kind, digest in result.files.items()},
                **({} if result.time is None else {"time": round(result.time, 6)}),
                "height": result.height,
                "width": result.width,
                "windows": self._cuts(result.height, result.width),
                "summary": dict(result.summary),
                **result.worth,
                "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
                "notes": list(result.notes),
                "recipe": self.recipe,
                "source": result.source._asdict(),
                **etags_of(planned),
            }
        append(self._books.manifest, dump(line).encode())
        self._note(line)  # only then does it count

    def settle(self) -> None:
        """Leave one line an image in the manifest, which has two where a stale one stood for it, and none dropped."""
        if self._is_to_settle:
            lines = Lines(self._books.manifest)
            write_lines(self._books.manifest, (line for line in lines.values() if line["status"] != "dropped"))

    def write(self, name: str, make: Callable[[Path, str], Digest | None]) -> bool:
        """Let `make` write a file of the whole run, of which run.json will have the digest; whether it did."""
        digest = make(self.out, self.recipe)
        if digest is not None:
            self._written[name] = digest
        return digest is not None

    def close(self, status: Status, *, profile: Mapping[str, Any]) -> None:
        """Write the final run.json: how the run ended, and where the time went."""
        self._write_run(status, profile=profile)

    @property
    def manifest(self) -> Path:
        """The file that has the lines."""
        return self._books.manifest

    def count(self, status: str) -> int:
        """How many images of this run are `done` or `failed`."""
        return self._counts[status]

    def has(self, key: str) -> bool:
        """Whether an image of this run has its line."""
        return key in self._ended

    def notes(self) -> Iterator[str]:
        """What was done to images of this run on the way, image by image."""
        return self._notes.elements()

    def _note(self, line: Line) -> None:
        self._ended[line["key"]] = sys.intern(line["status"])
        self._counts[line["status"]] += 1
        if line["status"] == "done":
            self._notes.update(line["notes"])
            self.means.append(line["summary"].get("mean calibrated", math.nan))

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
            "started": self._began,
            "seconds": round(time.perf_counter() - self._clock, 3),
            "notes": self._notes,
            **more,
        }
        write_atomically(self._books.run, (json.dumps(run, indent=2) + "\n").encode())

    def _unfinished(self, status: str) -> dict[str, Any]:
        """What a run that is not finished has still to write, and may have written without a line of it.

        And of any run, which files that are no run's it was told to replace, and has not.
        """
        not_done = [one for one in self._rest if self._ended.get(str(one.key)) != "done"]
        theirs = [path.relative_to(self.out).as_posix() for planned in not_done for path in planned.theirs]
        replaces = ({"replaces": theirs} if theirs else {}) | ({"owed": list(self._owed)} if self._owed else {})
        if status == "finished":
            return replaces
        rest = [planned for planned in self._rest if str(planned.key) not in self._ended]
        further = [name for name in self._further if name not in self._written]
        return {"unfinished": to_be_written(rest, further), **replaces}


def versions() -> dict[str, str]:
    """Versions of what computes."""
    names = ("hypseg", "torch", "torchvision", "pillow", "opencv-python-headless", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
