"""What the books are called that a run keeps beside its outputs, and by which its folder is known."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.place import is_taken, locate, real

RUN, MANIFEST = "run.json", "manifest.jsonl"
RANKING = "ranking.csv"  # what `uncertainty` adds to them
BOOKS = frozenset({RUN, MANIFEST, RANKING})


def is_of_a_run(names: Collection[str]) -> bool:
    """Whether a folder that holds these names is one that a run wrote into."""
    return RUN in names and MANIFEST in names


def refuse_in_a_run(path: Path, what: str) -> None:
    """PlanError where a path is the folder of a run, or lies anywhere in one, whose books do not know of `what`.

    A link is where it leads to.
    """
    place = locate(real(path))
    for folder in (place, *place.parents):
        if is_of_a_run({name for name in BOOKS if is_taken(folder / name)}):
            raise PlanError(
                f"{path if folder == place else folder}: holds the maps and the books of a run, which do not know of "
                f"{what}; choose another {setting('out')}"
            )
