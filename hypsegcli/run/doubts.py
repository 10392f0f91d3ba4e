"""What to doubt about maps that a run has left, when they are scored as if they were of one network."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hypsegcli.errors import setting
from hypsegcli.files.books import MANIFEST, holds_a_run
from hypsegcli.files.kinds import is_kind
from hypsegcli.files.place import StorePath
from hypsegcli.files.words import count_of
from hypsegcli.run.accounts import read_manifest, read_run, shards_of
from hypsegcli.run.manifest import outputs_of


class Origin(NamedTuple):
    """Where a map is from, as the books say that are kept above it."""

    out: Path  # the run's folder
    recipe: str | None  # None where its manifest does not know the map, as is `sha256`
    sha256: str | None


def origins_of(maps: Collection[Path]) -> dict[Path, Origin]:
    """Those of maps that lie in the folder of a run, however they are named: by links too, or from within.

    The folder is looked for above each of them. Where it holds a map beside its own folders of maps, that is nobody's.
    """

    @cache
    def above(folder: Path) -> Path | None:
        return next((one for one in (folder, *folder.parents) if holds_a_run(one)), None)

    @cache
    def known_in(out: Path) -> dict[str, Origin]:
        return {
            path.as_posix(): Origin(out, line["recipe"], digest.sha256)
            for line in read_manifest(out).values()
            if line["status"] == "done"
            for path, digest in outputs_of(line).values()
        }

    origins = {}
    for path in maps:
        # As it is named first: a folder of maps may be a link to another disk, or a link may lead to one.
        for place in _places(path):
            out = above(place.parent)
            if out is not None and is_kind((inside := place.relative_to(out)).parts[0]):
                origins[path] = known_in(out).get(inside.as_posix(), Origin(out, None, None))
                break
    return origins


def _places(path: Path) -> tuple[Path, Path]:
    """As it is named, and where it leads to through links."""
    if isinstance(path, StorePath):
        return path, path
    return Path(os.path.abspath(path)), Path(os.path.realpath(path))  # noqa: PTH100


def doubt_maps(maps: Collection[Path], before: Mapping[Path, Origin]) -> list[str]:
    """A sentence on everything that makes maps doubtful that were scored; none of those that lie in no run's folder.

    That is a run that is not finished, maps of which its manifest knows nothing, which may be an earlier run's, maps of
    several recipes, and maps whose origins are others than `before` they were read. What the maps
    hold is not compared; see `verify`.
    """
    now = origins_of(maps)
    known = {**before, **now}
    doubts: list[str] = []
    for out in dict.fromkeys(origin.out for origin in known.values()):
        if here := {path: origin for path, origin in now.items() if origin.out == out}:
            doubts += _of_one_run(out, here)
        its = [path for path, origin in known.items() if origin.out == out]
        if changed := [path for path in its if before.get(path) != now.get(path)]:
            doubts.append(
                f"{out}: {len(changed)} of {count_of(len(its), 'map')} changed in its {MANIFEST} while they were "
                f"scored, such as {changed[0]}; the scores may be of several networks: evaluate again"
            )
    return doubts


def _of_one_run(out: Path, origins: Mapping[Path, Origin]) -> Iterator[str]:
    status = read_run(out).get("status")
    if len(shards_of(out)) > 1:
        yield f"{out}: the run is in shards; make one of them with hypseg merge, and evaluate again"
    elif status != "finished":
        yield (
            f"{out}: the run that writes here is {status if isinstance(status, str) else 'unknown'}, not finished; "
            f"finish it with {setting('resume')}, and evaluate again"
        )
    if strange := [path for path, origin in origins.items() if origin.recipe is None]:
        yield (
            f"{out}: {len(strange)} of {count_of(len(origins), 'map')} are not in its {MANIFEST}, such as "
            f"{strange[0]}; they may be another run's: predict into a new folder, and evaluate that"
        )
    if (several := len({origin.recipe for origin in origins.values()} - {None})) > 1:
        yield (
            f"{out}: its maps were made by {several} recipes, of other checkpoints or options, and are scored as if "
            f"they were of one; predict all of them with {setting('resume')}, and evaluate again"
        )
