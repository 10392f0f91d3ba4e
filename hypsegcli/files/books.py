"""What the books are called that a run keeps beside its outputs, and by which its folder is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.kinds import FILMED
from hypsegcli.files.place import locate, real, scan
from hypsegcli.files.shard import Shard, shard_of

RUN, MANIFEST = "run.json", "manifest.jsonl"
RANKING, REGIONS = "ranking.csv", "regions.csv"
TABLES = (RANKING, REGIONS)  # what `uncertainty` adds to them: of all images, made of their lines
REVIEW = "review.csv"  # what a person says of places, which no run writes, replaces or removes
_FILM = ".mp4"
BOOKS = frozenset({RUN, MANIFEST, *TABLES, REVIEW})


def film_of(kind: str, clip: PurePosixPath | str) -> str:
    """The video that is made of a kind of output of the frames of one among the inputs: `overlay/clip.mp4`."""
    return f"{kind}/{clip}{_FILM}"


def is_of_all_images(name: str) -> bool:
    """Whether a run may write a file of this name, from its folder on, that is of many images, beside its books."""
    kind, _, rest = name.partition("/")
    is_film = kind in FILMED and rest.endswith(_FILM) and rest != _FILM
    return name in TABLES or (is_film and ".." not in PurePosixPath(rest).parts and "\0" not in rest)


class Books(NamedTuple):
    """Where a run keeps its books: in its folder, each shard of one its own."""

    out: Path
    shard: Shard | None = None

    @property
    def run(self) -> Path:
        """How the run is, as a whole: run.json."""
        return self.out / (RUN if self.shard is None else self.shard.named(RUN))

    @property
    def manifest(self) -> Path:
        """A line an image: manifest.jsonl."""
        return self.out / (MANIFEST if self.shard is None else self.shard.named(MANIFEST))


def shards_in(names: Iterable[str]) -> list[Shard]:
    """The shards whose books are among the names of a folder's files: of one with a run.json, or a manifest."""
    likely = [name for name in names if name.startswith(("run.", "manifest."))]  # of a folder of a million
    found = {shard for name in likely for book in (RUN, MANIFEST) if (shard := shard_of(name, book)) is not None}
    return sorted(found, key=lambda shard: (shard.of, shard.index))


def is_book(name: str) -> bool:
    """Whether a file of this name, in a folder that `is_of_a_run`, is one of its books."""
    return name in BOOKS or any(shard_of(name, book) is not None for book in (RUN, MANIFEST))


def is_of_a_run(names: Collection[str]) -> bool:
    """Whether a folder that holds these names is one that a run wrote into, or a shard of one."""
    return (RUN in names and MANIFEST in names) or any(
        shard.named(RUN) in names and shard.named(MANIFEST) in names for shard in shards_in(names)
    )


def holds_a_run(folder: Path) -> bool:
    """Whether a folder is one that a run wrote into, or a shard of one; no folder is none."""
    return is_of_a_run(names_in(folder))


def names_in(folder: Path) -> list[str]:
    """The names of what lies in a folder; none where there is no such folder, or it cannot be read."""
    try:
        with scan(folder) as entries:
            return [entry.name for entry in entries]
    except (OSError, ValueError):  # of a name that cannot be
        return []


def refuse_in_a_run(path: Path, what: str) -> None:
    """PlanError where a path is the folder of a run, or lies anywhere in one, whose books do not know of `what`.

    A link is where it leads to.
    """
    place = locate(real(path))
    for folder in (place, *place.parents):
        if holds_a_run(folder):
            raise PlanError(
                f"{path if folder == place else folder}: holds the maps and the books of a run, which do not know of "
                f"{what}; choose another {setting('out')}"
            )
