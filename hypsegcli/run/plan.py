"""Where every output goes, refused as a whole where two files would meet."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hypsegcli.errors import PlanError
from hypsegcli.files.place import StorePath, is_taken, locate, real
from hypsegcli.files.words import first_of

if TYPE_CHECKING:
    from hypsegcli.images.discover import Inputs

_LISTED = 5


@dataclass(frozen=True)
class PlannedImage:
    """One picture and the files to be made from it: `outputs` maps each kind to its target path.

    `theirs` are the targets at which files lie that no book calls a run's, and that this one may replace, with what
    os.lstat says of them.
    """

    source: Path
    key: PurePosixPath
    outputs: Mapping[str, Path]
    theirs: Mapping[Path, os.stat_result] = field(default_factory=dict)


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
        PlannedImage(
            item.path,
            item.key,
            {kind: out / target_of(item.key, kind, suffix) for kind, suffix in suffixes.items()},
        )
        for item in inputs.images
    ]
    _check_shared(plan, extra)
    _check_overwrites(plan, extra)
    return plan


def target_of(key: PurePosixPath | str, kind: str, suffix: str) -> PurePosixPath:
    """Where an output of an image goes, from the output folder on."""
    return PurePosixPath(kind, f"{key}{suffix}")


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
    # Compared by identity, which also sees through links, mounts and file systems that ignore case.
    folders = [out / kind for kind in kinds]
    for place in (out, *folders):
        around = [folder for folder in _with_parents(place) if folder.exists()]
        for given in inputs.folders:
            if any(given.samefile(folder) for folder in around):
                raise PlanError(
                    f"{place}: the output folder lies in the input folder {given}, so that the next run would take "
                    "its own maps for pictures; choose a folder outside"
                )
    around = list(dict.fromkeys(folder for given in inputs.matched for folder in _with_parents(given)))
    for place in folders:
        if place.exists() and any(place.samefile(folder) for folder in around):
            raise PlanError(
                f"{place}: a pattern finds its pictures in this folder of maps, which the next run would pass over; "
                "choose another output folder"
            )


def _with_parents(folder: Path) -> tuple[Path, ...]:
    place = locate(real(folder))
    return (place, *place.parents)


def _check_shared(plan: Sequence[PlannedImage], extra: Sequence[Path]) -> None:
    owners: dict[str, tuple[str, Path]] = {fold(path): ("the run itself", path) for path in extra}
    clashes: dict[tuple[str, str], Path] = {}
    for planned in plan:
        for target in planned.outputs.values():
            owner, first = owners.setdefault(fold(target), (str(planned.source), target))
            if first is not target:
                clashes.setdefault((owner, str(planned.source)), target)
    below = {target.parent: owner for owner, target in owners.values()}
    for parent, owner in below.items():
        for folder in (parent, *parent.parents):  # a.jpg makes a file a.png where a.png/b.jpg needs a folder
            if (other := owners.get(fold(folder))) is not None:
                clashes.setdefault((other[0], owner), folder)
    _refuse(
        "two inputs would be written to the same output; rename one, or run them into different folders",
        (f"{one} and {two} -> {target}" for (one, two), target in clashes.items()),
    )


def _check_overwrites(plan: Sequence[PlannedImage], extra: Sequence[Path]) -> None:
    # A link that is an input counts at its own place and at the file it leads to. A link that is an output
    # counts only at its own place, because the new file replaces the link.
    sources: dict[str, Path] = {}
    parents: dict[Path, str] = {}

    def place(path: Path) -> str:
        if path.parent not in parents:
            parents[path.parent] = real(path.parent)
        return fold(Path(parents[path.parent], path.name))

    for planned in plan:
        sources[place(planned.source)] = planned.source
        sources[fold(Path(real(planned.source)))] = planned.source
    targets = [target for planned in plan for target in planned.outputs.values()]
    _refuse(
        "an output would overwrite an input; choose another output folder",
        (f"{target} is the input {sources[at]}" for target in (*targets, *extra) if (at := place(target)) in sources),
    )


def fold(path: Path) -> str:
    """Return one spelling for all names that macOS or Windows would take for the same file."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def _refuse(problem: str, offenders: Iterable[str]) -> None:
    if clashes := list(offenders):
        raise PlanError(f"{problem}: {first_of(clashes, _LISTED, separator='; ')}")
