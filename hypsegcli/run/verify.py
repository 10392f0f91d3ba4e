"""Whether a run's folder still holds what its books say, byte for byte, and nothing else, and its photographs too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, tee
from pathlib import Path
from typing import NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.books import MANIFEST, REVIEW, RUN, Books, names_in, shards_in
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.hold import LOCK
from hypsegcli.files.kinds import folder_of
from hypsegcli.files.place import is_taken, looking_ahead, scan
from hypsegcli.files.shard import shard_of
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.run.accounts import read_manifest, read_run, shards_of
from hypsegcli.run.etags import note_etags
from hypsegcli.run.lines import Selection
from hypsegcli.run.manifest import (
    Line,
    files_of,
    input_of,
    is_to_be_done_again,
    outputs_of,
    part_of,
    real_place,
    source_of,
)
from hypsegcli.run.unfinished import never_done
from hypsegcli.run.whole_files import owed_by


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
    recipes: int  # by which the maps were made, a checkpoint with options each; several are no fault, but said
    status: str  # of the run, as run.json has it; `unknown` where it says nothing
    shards: int  # that have books of their own still, for nobody has merged them
    lacking: int  # images that runs were asked for, and that are neither done as these were to do them, nor failed

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
        return self.status == "finished" and not self.shards and not wrong


def verify(out: Path) -> Verified:
    """Read every file of a run's folder, and every photograph that can be found, and compare.

    Raises PlanError where there is no manifest.
    """
    with looking_ahead():
        return _verify(out)


def _verify(out: Path) -> Verified:
    books = [Books(out, shard) for shard in shards_of(out)]
    if not any(each.manifest.is_file() for each in books):
        raise PlanError(f"{out}: holds no {MANIFEST}; name a folder that predict or uncertainty wrote")
    lines = read_manifest(out)
    run, owned = _read_run(out), _Owned()
    counts, failed, recipes, again = Counter[str](), {}, set[str](), 0
    for key, line in lines.items():
        counts[line["status"]] += 1
        if line["status"] == "done":
            owned.add(line)
            recipes.add(line["recipe"])
            again += is_to_be_done_again(line)
            note_etags(out, [line])
        elif line["status"] == "failed":
            failed[key] = line["reason"]
    done = Selection([key for key in lines if key in owned.keys], lines.__getitem__)
    of_images = ((path.as_posix(), out / path, digest) for line in done for path, digest in outputs_of(line).values())
    files, missing, changed = _compare(chain(of_images, ((name, out / name, run.files[name]) for name in run.files)))
    missing += [name for name in run.owed if name not in run.files and not is_taken(out / name)]
    _, unreached, changed_inputs = _compare(_sources(done))
    own = {LOCK, REVIEW, MANIFEST, RUN, *run.files}
    own.update(each.named(book) for each in shards_in(names_in(out)) for book in (MANIFEST, RUN))  # also if merged
    names = (name for name in _names_below(out, owned.folders) if name not in owned and name not in own)
    foreign = sorted(name for name in names if shard_of(name, LOCK) is None)  # one that begins may have no books yet
    return Verified(
        images=counts["done"],
        files=files,
        missing=missing,
        changed=changed,
        foreign=_without_inputs(out, foreign, chain(lines.values(), never_done(read_run(out)))),
        shared=owned.shared(),
        # A stack and its first page, done as two images, are one file.
        changed_inputs=list(dict.fromkeys(changed_inputs)),
        unreached_inputs=list(dict.fromkeys(unreached)),
        failed=failed,
        recipes=len(recipes),
        status=run.status,
        shards=len(books) - 1,
        lacking=max(run.lines - counts["done"] - counts["failed"], counts["stale"]) + again,
    )


def _sources(done: Iterable[Line]) -> Iterator[tuple[str, Path, Digest]]:
    """Of images that are done, the files that they are of: a video or stack once, however many are parts of it."""
    videos = set()
    for line in done:
        source = (line["input"], input_of(line), source_of(line))
        if part_of(line) is None:
            yield source
        elif source not in videos:
            videos.add(source)
            yield source


class _Owned:
    """The files of images that are done, by name; of a million images the names themselves would fill memory."""

    def __init__(self) -> None:
        self.folders: set[str] = set()  # in which they lie, and those around
        self.keys: dict[str, frozenset[tuple[str, str]]] = {}  # of each image, the folders and suffixes of its files
        self._alike: dict[frozenset[tuple[str, str]], frozenset[tuple[str, str]]] = {}
        self._suffixes: set[str] = set()
        self._elsewhere = Counter[str]()  # that do not lie where runs put them: somebody has edited the books

    def add(self, line: Line) -> None:
        key, usual = line["key"], set()
        for kind, (path, _) in outputs_of(line).items():
            name = path.as_posix()
            folder = name.rpartition("/")[0]
            while folder not in self.folders:
                self.folders.add(folder)
                folder = folder.rpartition("/")[0]
            start = f"{folder_of(kind)}/{key}"
            suffix = name.removeprefix(start)
            if suffix.startswith(".") and "/" not in suffix and name == f"{start}{suffix}":
                usual.add((folder_of(kind), suffix))
                self._suffixes.add(suffix)
            else:
                self._elsewhere[name] += 1
        shape = frozenset(usual)
        self.keys[key] = self._alike.setdefault(shape, shape)

    def __contains__(self, name: str) -> bool:
        return name in self._elsewhere or self._is_usual(name)

    def shared(self) -> list[str]:
        """Files that several images call their own."""
        return [name for name, lines in self._elsewhere.items() if lines + self._is_usual(name) > 1]

    def _is_usual(self, name: str) -> bool:
        kind, _, rest = name.partition("/")
        return any(
            rest.endswith(suffix) and (kind, suffix) in self.keys.get(rest.removesuffix(suffix), ())
            for suffix in self._suffixes
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
    foreign = {real_place(out / name, folders): name for name in names}
    for line in lines:
        foreign.pop(real_place(input_of(line), folders), None)
    return [name for name in names if real_place(out / name, folders) in foreign]


def _compare(files: Iterable[tuple[str, Path, Digest]]) -> tuple[int, list[str], list[str]]:
    """Of names, paths and what is to be there, how many hold that, and which cannot be read, or hold something else."""
    workers = default_workers()
    whole, gone, changed = 0, [], []
    files, ahead_of_them = tee(files)  # which is no longer than what is read ahead
    paths = (path for _, path, _ in ahead_of_them)
    with closing(ahead(digest_file, paths, workers=workers, depth=4 * workers)) as found:
        for (name, _, wanted), digest in zip(files, found, strict=True):
            if digest is None:
                gone.append(name)
            elif digest != wanted:
                changed.append(name)
            else:
                whole += 1
    return whole, gone, changed


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
