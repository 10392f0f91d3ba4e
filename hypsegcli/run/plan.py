"""Where every output goes, refused as a whole where two files would meet."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.kinds import folder_of
from hypsegcli.files.place import StorePath, is_taken, real
from hypsegcli.files.shard import Shard
from hypsegcli.files.within import folders_around, is_within
from hypsegcli.files.words import first_of

if TYPE_CHECKING:
    from hypsegcli.images.discover import Inputs

_LISTED = 5
_NOTHING: Mapping[Path, os.stat_result] = {}  # one for all images


class Targets(Mapping[str, Path]):
    """Where the files of an image go, by kind; made when they are asked for, since a run may have a million images."""

    __slots__ = ("_key", "_out", "_suffixes")

    def __init__(self, out: Path, key: PurePosixPath, suffixes: Mapping[str, str]) -> None:
        self._out, self._key, self._suffixes = out, key, suffixes

    def __getitem__(self, kind: str) -> Path:
        return self._out / target_of(self._key, kind, self._suffixes[kind])

    def __iter__(self) -> Iterator[str]:
        return iter(self._suffixes)

    def __len__(self) -> int:
        return len(self._suffixes)


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One picture and the files to be made from it: `outputs` maps each kind to its target path.

    `theirs` are the targets at which files lie that no book calls a run's, and that this one may replace, with what
    os.lstat says of them.
    """

    source: Path
    key: PurePosixPath
    outputs: Mapping[str, Path]
    theirs: Mapping[Path, os.stat_result] = field(default_factory=lambda: _NOTHING)
    frame: int | None = None  # of a video, counted from 0
    page: int | None = None  # of a TIFF of several, counted from 1

    @property
    def part(self) -> int | None:
        """The number of the frame or page that it is; None: its file is one picture."""
        return self.page if self.frame is None else self.frame

    @property
    def name(self) -> str:
        """What it is called in sentences: its file, and which frame or page of it: `clip.mp4#123`."""
        return name_of(self.source, self.part)


def name_of(source: Path | str, part: int | None) -> str:
    """What an image is called: its file, and which frame or page of it, if it is one: `clip.mp4#123`."""
    return str(source) if part is None else f"{source}#{part}"


def plan_outputs(
    inputs: Inputs, out: Path, suffixes: Mapping[str, str], *, extra: Sequence[Path] = ()
) -> list[PlannedImage]:
    """Give every picture its targets `out/<kind>/<key><suffix>`, in the order of the inputs.

    `suffixes` maps each kind to its suffix, such as {"labels": ".png"}; `extra` are further files that the
    run writes. Raises PlanError when `out` is not usable as a folder, when it or a folder of a kind in it lies in
    a folder given as an input, when two outputs would be one file (also on file systems that ignore case or
    Unicode form) or one would be a folder of the other, and when an output would overwrite an input. Touches
    nothing on the disk.
    """
    _check_out(inputs, out, suffixes)
    plan = [
        PlannedImage(item.path, item.key, Targets(out, item.key, suffixes), frame=item.frame, page=item.page)
        for item in inputs.images
    ]
    _check_shared(plan, out, suffixes, extra)
    _check_overwrites(plan, out, suffixes, extra)
    return plan


class Share(NamedTuple):
    """The images of a plan that this process does: all of them, or those of a shard."""

    images: Sequence[PlannedImage]
    shard: Shard | None
    total: int  # images that all shards have
    sha256: str  # of the keys of these, in order: shards belong together if they have planned the same
    of_others: Sequence[PlannedImage] = ()  # the images of the other shards

    @classmethod
    def of(cls, plan: Sequence[PlannedImage], shard: Shard | None) -> Share:
        """A shard's share of the whole plan, or all of it."""
        keys = "\0".join(str(planned.key) for planned in plan)
        digest = hashlib.sha256(keys.encode("utf-8", "surrogateescape")).hexdigest()
        if shard is None:
            return cls(plan, None, len(plan), digest)
        of_others = [planned for place, planned in enumerate(plan) if place % shard.of != shard.index]
        return cls(shard.take(plan), shard, len(plan), digest, of_others)


def target_of(key: PurePosixPath | str, kind: str, suffix: str) -> PurePosixPath:
    """Where an output of an image goes, from the output folder on."""
    return PurePosixPath(folder_of(kind), f"{key}{suffix}")


def targets_of(plan: Sequence[PlannedImage], out: Path) -> Callable[[Path], bool]:
    """Whether a path is that of an output of a plan; all its images have the same kinds."""
    keys = {str(planned.key) for planned in plan}
    places = {
        (folder_of(kind), path.name.removeprefix(planned.key.name))
        for planned in plan[:1]
        for kind, path in planned.outputs.items()
    }

    def is_target(path: Path) -> bool:
        folder, _, name = path.relative_to(out).as_posix().partition("/")
        return any(
            folder == own and name.endswith(suffix) and name.removesuffix(suffix) in keys for own, suffix in places
        )

    return is_target


def occupied(plan: Sequence[PlannedImage], extra: Sequence[Path] = ()) -> list[Path]:
    """Return the targets that exist already, broken links included, in plan order, then those of `extra`."""
    targets = [target for planned in plan for target in planned.outputs.values()]
    return [target for target in (*targets, *extra) if is_taken(target)]


def _check_out(inputs: Inputs, out: Path, kinds: Iterable[str]) -> None:
    if isinstance(out, StorePath) and out.is_on_the_web:
        raise PlanError(f"{out}: cannot be written, for this is on the web; choose a folder, here or in a bucket")
    above = [folder for folder in (out, *out.parents) if is_taken(folder)]
    if above and not above[0].is_dir():
        raise PlanError(f"{above[0]}: the output folder cannot be made, for this is a file; choose another")
    folders = [out / folder for folder in dict.fromkeys(map(folder_of, kinds))]
    for place in (out, *folders):
        for given in inputs.folders:
            if is_within(place, given):
                raise PlanError(
                    f"{place}: the output folder lies in the input folder {given}, so that the next run would take "
                    "its own maps for pictures; choose a folder outside"
                )
    around = list(dict.fromkeys(folder for given in inputs.matched for folder in folders_around(given)))
    for place in folders:
        if place.exists() and any(place.samefile(folder) for folder in around):
            raise PlanError(
                f"{place}: a pattern finds its pictures in this folder of maps, which the next run would pass over; "
                "choose another output folder"
            )


def _check_shared(plan: Sequence[PlannedImage], out: Path, suffixes: Mapping[str, str], extra: Sequence[Path]) -> None:
    # All kinds have the same keys, so that one of them stands for all.
    owners: dict[str, int] = {}
    clashes: dict[tuple[str, str], Path] = {}
    for place, planned in enumerate(plan):
        first = owners.setdefault(fold(planned.key), place)
        if first != place:
            clashes.setdefault((str(plan[first].source), str(planned.source)), next(iter(planned.outputs.values())))
    below = {parent: planned for planned in plan for parent in planned.key.parents[:-1]}
    own = {fold(path): path for path in extra}
    for folder, planned in below.items():  # a.jpg makes a file a.png where a.png/b.jpg needs a folder
        for kind, suffix in suffixes.items():
            if own and (path := own.get(fold(out / folder_of(kind) / folder))):
                clashes.setdefault(("the run itself", str(planned.source)), path)
            key = fold(folder).removesuffix(suffix)
            if fold(folder) == key + suffix and key in owners:
                clashes.setdefault((str(plan[owners[key]].source), str(planned.source)), out / folder_of(kind) / folder)
    for path in extra:
        for kind, suffix in suffixes.items():
            name, start = fold(path), f"{fold(out / folder_of(kind))}/"
            key = name.removeprefix(start).removesuffix(suffix)
            if name == f"{start}{key}{suffix}" and key in owners:
                clashes.setdefault(("the run itself", str(plan[owners[key]].source)), path)
    _refuse(
        "two inputs would be written to the same output; rename one, or run them into different folders",
        (f"{one} and {two} -> {target}" for (one, two), target in clashes.items()),
    )


def _check_overwrites(
    plan: Sequence[PlannedImage], out: Path, suffixes: Mapping[str, str], extra: Sequence[Path]
) -> None:
    # A link that is an input counts at its own place and at the file it leads to. A link that is an output
    # counts only at its own place, because the new file replaces the link.
    in_fact = cache(real)

    def place(path: Path) -> str:
        return fold(Path(in_fact(path.parent), path.name))

    kinds = set(map(folder_of, suffixes))
    folders = {out / kind / folder for folder in {planned.key.parent for planned in plan} for kind in kinds}
    written = {fold(Path(in_fact(folder))) for folder in (*folders, *(path.parent for path in extra))}

    def is_near(source: Path) -> bool:
        # Where a path may not be reached, pathlib raises.
        is_link = not isinstance(source, StorePath) and os.path.islink(source)  # noqa: PTH114
        leads_to = Path(real(source)).parent if is_link else source.parent
        return any(fold(Path(in_fact(folder))) in written for folder in (source.parent, leads_to))

    sources: dict[str, Path] = {}
    for planned in plan:
        if is_near(planned.source):  # which hardly one ever is
            sources[place(planned.source)] = planned.source
            sources[fold(Path(real(planned.source)))] = planned.source
    targets = (target for planned in plan for target in planned.outputs.values()) if sources else ()
    _refuse(
        "an output would overwrite an input; choose another output folder",
        (f"{target} is the input {sources[at]}" for target in (*targets, *extra) if (at := place(target)) in sources),
    )


def fold(path: PurePath) -> str:
    """Return one spelling for all names that macOS or Windows would take for the same file."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def _refuse(problem: str, offenders: Iterable[str]) -> None:
    if clashes := list(offenders):
        raise PlanError(f"{problem}: {first_of(clashes, _LISTED, separator='; ')}")
