"""Whether a run's folder still holds what its books say, byte for byte, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.books import MANIFEST, RANKING, RUN
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.lock import LOCK
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.run.manifest import outputs_of, read_manifest, read_run


@dataclass(frozen=True)
class Verified:
    """What was found; all paths are relative to the folder, in its order."""

    images: int  # that the manifest calls done
    files: int  # of theirs, and of the whole run, that are there and untouched
    missing: list[str]
    changed: list[str]
    foreign: list[str]  # that are nobody's
    failed: dict[str, str]  # the images that were not done, by key, and why
    status: str  # of the run, as run.json has it; `unknown` where it says nothing
    lacking: int  # images that have no line and should

    @property
    def is_whole(self) -> bool:
        """Whether all that was asked for is there, untouched, and nothing else."""
        wrong = self.missing or self.changed or self.foreign or self.failed or self.lacking
        return self.status == "finished" and not wrong


def verify(out: Path) -> Verified:
    """Read every file of a run's folder, and compare.

    Raises PlanError where there is no manifest.
    """
    if not (out / MANIFEST).is_file():
        raise PlanError(f"{out}: holds no {MANIFEST}; name a folder that predict or uncertainty wrote")
    lines = read_manifest(out)
    done = [line for line in lines.values() if line["status"] == "done"]
    run = _read_run(out)
    owned = {path.as_posix(): digest for line in done for path, digest in outputs_of(line).values()} | run.files
    missing, changed = [], []
    with closing(_digests(out, list(owned))) as found:
        for (name, wanted), digest in zip(owned.items(), found, strict=True):
            if digest is None:
                missing.append(name)
            elif digest != wanted:
                changed.append(name)
    folders = {folder.as_posix() for name in owned for folder in PurePosixPath(name).parents}
    books = {RUN, MANIFEST, LOCK}
    foreign = [name for name in sorted(_names_below(out, folders)) if name not in owned and name not in books]
    return Verified(
        images=len(done),
        files=len(owned) - len(missing) - len(changed),
        missing=missing,
        changed=changed,
        foreign=foreign,
        failed={key: line["reason"] for key, line in lines.items() if line["status"] == "failed"},
        status=run.status,
        lacking=max(0, run.lines - len(lines)),
    )


def _names_below(out: Path, owned: Collection[str]) -> Iterator[str]:
    """All that is no folder; links to folders too, but for those that are owned: a kind may lie on another disk.

    pathlib's own search calls itself for every folder above.
    """
    folders = [""]
    while folders:
        below = folders.pop()
        with os.scandir(out / below) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=name in owned):
                    folders.append(f"{name}/")
                else:
                    yield name


def _digests(out: Path, names: list[str]) -> Generator[Digest | None, None, None]:
    workers = default_workers()
    return ahead(lambda name: digest_file(out / name), names, workers=workers, depth=4 * workers)


class _Run(NamedTuple):
    """What run.json says."""

    status: str  # how the run ended
    lines: int  # of the manifest: of all images it was asked for, and of an earlier run's
    files: dict[str, Digest]  # of the whole run


def _read_run(out: Path) -> _Run:
    run = read_run(out)
    try:
        counts, files = run["counts"], run["files"]
        return _Run(
            str(run["status"]),
            int(counts["planned"]) + int(counts["others"]),
            {name: Digest(files[name]["bytes"], files[name]["sha256"]) for name in {RANKING} & files.keys()},
        )
    except (AttributeError, ValueError, KeyError, TypeError, OverflowError):
        return _Run("unknown", 0, {})
