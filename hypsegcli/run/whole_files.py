"""Files that are of many images, the ranking and videos of maps: what becomes of an earlier run's, if not made anew.

Such a file stays as long as all that it is made of does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from hypsegcli.files.books import is_of_all_images
from hypsegcli.files.digest import Digest
from hypsegcli.files.place import is_taken
from hypsegcli.run.manifest import Line, files_of, goes_into


def files_that_stay(
    out: Path, run: Mapping[str, Any], *, made: Collection[str], going: Iterable[Line], others: Iterable[Line]
) -> dict[str, Digest]:
    """What an earlier run.json says of the files, by name, that the next run does not make, and that are not to go.

    They stay with the outputs that they are of: those of the lines `others` do, and those of the lines `going` do not.
    `made` are those that the next run makes.
    """
    there = {name: digest for name, digest in files_of(run).items() if is_taken(out / name)}
    staying = _that_stay(there.keys() - set(made), going=going, others=others)
    return {name: there[name] for name in there if name in staying}


def files_that_are_owed(
    run: Mapping[str, Any], *, but: Collection[str], going: Iterable[Line], others: Iterable[Line]
) -> list[str]:
    """Names of files whose parts stay, and that an earlier run was to write and was stopped before, or has lost.

    `run` is an earlier run.json; `but` are those that the next run makes, and that stay.
    """
    owed = (set(files_of(run)) | owed_by(run)) - set(but)
    return sorted(_that_stay(owed, going=going, others=others))


def owed_by(run: Mapping[str, Any]) -> set[str]:
    """Files of the whole run that runs, as run.json has it, were to write, and have not; it may hold anything."""
    unfinished = run.get("unfinished")
    to_write = unfinished.get("files") if isinstance(unfinished, dict) else None
    found = [each for each in (to_write, run.get("owed")) if isinstance(each, list)]
    return {name for each in found for name in each if isinstance(name, str) and is_of_all_images(name)}


def _that_stay(names: Collection[str], *, going: Iterable[Line], others: Iterable[Line]) -> set[str]:
    if not names:
        return set()
    lost = {name for line in going for name in goes_into(line)}
    kept = {name for line in others if line["status"] == "done" for name in goes_into(line)}
    return (set(names) & kept) - lost
