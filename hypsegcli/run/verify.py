"""Whether a run's folder still holds what its books say, byte for byte, and nothing else, and its photographs too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.books import MANIFEST, RUN
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.lock import LOCK
from hypsegcli.files.place import is_taken, looking_ahead, scan
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.run.asked import never_done
from hypsegcli.run.etags import note_etags
from hypsegcli.run.manifest import (
    Line,
    files_of,
    input_of,
    outputs_of,
    read_manifest,
    read_run,
    real_place,
    source_of,
)
from hypsegcli.run.ranking_csv import owed_by


@dataclass(frozen=True)
class Verified:
    """What was found; all paths but those of photographs are relative to the folder, in its order."""

    images: int  # that the manifest calls done
    files: int  # of theirs, and of the whole run, that are there and untouched
    missing: list[str]
    changed: list[str]
    foreign: list[str]  # that are nobody's, nor photographs that a line tells of
    shared: list[str]  # that several lines call their own
    changed_inputs: list[str]  # photographs that hold other bytes than those that were segmented, as they were named
    unreached_inputs: list[str]  # photographs that are not where they were, or cannot be read, which is no fault
    failed: dict[str, str]  # the images that were not done, by key, and why
    status: str  # of the run, as run.json has it; `unknown` where it says nothing
    lacking: int  # images that runs were asked for, which are neither done nor failed

    @property
    def is_whole(self) -> bool:
        """Whether all that was asked for is there, of photographs that have not changed, untouched, and nothing else.

        Photographs lie elsewhere and may be put away: those that are not found are no fault of the folder.
        """
        wrong = (
            self.missing
            or self.changed
            or self.foreign
            or self.shared
            or self.changed_inputs
            or self.failed
            or self.lacking
        )
        return self.status == "finished" and not wrong


def verify(out: Path) -> Verified:
    """Read every file of a run's folder, and every photograph that can be found, and compare.

    Raises PlanError where there is no manifest.
    """
    with looking_ahead():
        return _verify(out)


def _verify(out: Path) -> Verified:
    if not (out / MANIFEST).is_file():
        raise PlanError(f"{out}: holds no {MANIFEST}; name a folder that predict or uncertainty wrote")
    lines = read_manifest(out)
    note_etags(out, lines.values())
    done = [line for line in lines.values() if line["status"] == "done"]
    failed = {key: line["reason"] for key, line in lines.items() if line["status"] == "failed"}
    stale = sum(line["status"] == "stale" for line in lines.values())
    run = _read_run(out)
    owned = {path.as_posix(): digest for line in done for path, digest in outputs_of(line).values()} | run.files
    missing, changed = _compare([(name, out / name, digest) for name, digest in owned.items()])
    missing += [name for name in run.owed if not is_taken(out / name)]
    unreached, changed_inputs = _compare([(line["input"], input_of(line), source_of(line)) for line in done])
    owners = Counter(path.as_posix() for line in done for path, _ in outputs_of(line).values())
    folders = {folder.as_posix() for name in owned for folder in PurePosixPath(name).parents}
    books = {RUN, MANIFEST, LOCK}
    foreign = [name for name in sorted(_names_below(out, folders)) if name not in owned and name not in books]
    foreign = _without_inputs(out, foreign, (*lines.values(), *never_done(read_run(out))))
    return Verified(
        images=len(done),
        files=len(owned) - len(missing) - len(changed),
        missing=missing,
        changed=changed,
        foreign=foreign,
        shared=[name for name, lines in owners.items() if lines > 1],
        changed_inputs=changed_inputs,
        unreached_inputs=unreached,
        failed=failed,
        status=run.status,
        lacking=max(run.lines - len(done) - len(failed), stale),
    )


def _names_below(out: Path, owned: Collection[str]) -> Iterator[str]:
    """All that is no folder; links to folders too, but for those that are owned: a kind may lie on another disk.

    pathlib's own search calls itself for every folder above.
    """
    folders = [""]
    while folders:
        below = folders.pop()
        with scan(out / below) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=name in owned):
                    folders.append(f"{name}/")
                else:
                    yield name


def _without_inputs(out: Path, names: Sequence[str], lines: Iterable[Line]) -> list[str]:
    """Of names of files, those that are no photographs of lines: a run's may lie in its folder, beside its maps."""
    if not names:
        return []
    folders: dict[Path, str] = {}
    inputs = {real_place(input_of(line), folders) for line in lines}
    return [name for name in names if real_place(out / name, folders) not in inputs]


def _compare(files: Sequence[tuple[str, Path, Digest]]) -> tuple[list[str], list[str]]:
    """Of names, paths and what is to be there, the names of those that cannot be read, or hold something else."""
    workers = default_workers()
    gone, changed = [], []
    paths = [path for _, path, _ in files]
    with closing(ahead(digest_file, paths, workers=workers, depth=4 * workers)) as found:
        for (name, _, wanted), digest in zip(files, found, strict=True):
            if digest is None:
                gone.append(name)
            elif digest != wanted:
                changed.append(name)
    return gone, changed


class _Run(NamedTuple):
    """What run.json says."""

    status: str  # how the run ended
    lines: int  # of the manifest: of all images it was asked for, and of an earlier run's
    files: dict[str, Digest]  # of the whole run
    owed: list[str]  # files of the whole run that an earlier one was to write, and never has


def _read_run(out: Path) -> _Run:
    run = read_run(out)
    try:
        counts = run["counts"]
        return _Run(
            str(run["status"]),
            int(counts["planned"]) + int(counts["others"]),
            files_of(run),
            sorted(owed_by(run)) if run["status"] == "finished" else [],
        )
    except (AttributeError, ValueError, KeyError, TypeError, OverflowError):
        return _Run("unknown", 0, {}, [])
