"""The files of many images that the shards of a run leave to whoever merges them: videos and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.books import Books
from hypsegcli.files.digest import Digest
from hypsegcli.files.words import count_of
from hypsegcli.run.accounts import MERGING, Account, as_one_run
from hypsegcli.run.films import films_in
from hypsegcli.run.left_over import remove
from hypsegcli.run.manifest import Line, files_of, input_of, outputs_of, part_of
from hypsegcli.run.ordering import ordering_in
from hypsegcli.run.remarks import say_owed
from hypsegcli.run.tables import say_of_tables, writers
from hypsegcli.run.unnamed import is_somebody_s
from hypsegcli.run.whole_files import files_that_are_owed, files_that_stay


def is_of_its_size(path: Path, digest: Digest) -> bool:
    """Whether a file is there, and of the size that it was written with."""
    try:
        return path.stat().st_size == digest.bytes
    except (OSError, ValueError):  # of a name that cannot be
        return False


class MergedFiles(NamedTuple):
    """What becomes of the files of many images, by name from the run's folder on."""

    files: Mapping[str, Digest]  # that are there
    owed: Sequence[str]  # that runs before these shards were to write, and nobody has
    remarks: Sequence[str]  # sentences on what becomes of them


def make_files(
    out: Path,
    accounts: Sequence[Account],
    part: Account,
    known: Mapping[str, Line],
    *,
    lines: Collection[Line],
    again: Iterable[Line],
    others: Collection[Line],
) -> MergedFiles:
    """Write those that the books of a shard tell of, of all lines; earlier ones stay, or are owed, as in one process.

    `accounts` are all books in the folder, which know the lines `known`; `lines` are those of the shards, `again` those
    of the whole run's own that these have done again, `others` those of images that they were not asked for. PlanError
    where somebody's files lie in the places of those; nothing has been written then.
    """
    run, said = part.run, as_one_run(accounts)
    making, tables = films_in(run, known), _tables_of(run)
    making |= tables
    _refuse_somebody_s(out, making, said)
    remarks: list[str] = []
    if tables:
        images = ((input_of(line), part_of(line)) for line in lines)
        remarks = say_of_tables(out, said, tables, images=images, others=others, recipe=run["recipe"], keep=True)
    _note_that_they_come(out, part, making)
    for name in making:  # should this be killed, those of an earlier run would be wrong
        (out / name).unlink(missing_ok=True)
    files = {name: digest for name, make in making.items() if (digest := make(out, run["recipe"]))}
    going = list(again)
    files |= files_that_stay(out, said, made=making, going=going, others=others)
    owed = files_that_are_owed(said, but={*making, *files}, going=going, others=others)
    return MergedFiles(files, owed, [*remarks, *say_owed(out, owed)])


def clear_away(out: Path, run: Mapping[str, Any], dropped: Iterable[Line], *, staying: Collection[str]) -> list[str]:
    """Remove what a run that was to replace others had still to remove: maps of images that are gone, and tables.

    `run` is run.json, of all books as one; of what it tells of as the whole run's, files named `staying` stay. Returns
    the names of those that stay since somebody has changed them.
    """
    maps = ((out / path, digest) for line in dropped for path, digest in outputs_of(line).values())
    tables = ((out / name, digest) for name, digest in files_of(run).items() if name not in staying)
    return remove(out, dict(chain(maps, tables)))


def _tables_of(run: Mapping[str, Any]) -> dict[str, Callable[[Path, str], Digest | None]]:
    """What writes each of the tables that shards were to make of all images."""
    return writers(ordering_in(run)) if run["options"].get("command") == "uncertainty" else {}


def _refuse_somebody_s(out: Path, names: Collection[str], run: Mapping[str, Any]) -> None:
    """PlanError where files that no run has written, nor a merging that was killed, lie in the places of others."""
    if theirs := [out / name for name in names if is_somebody_s(out, name, run)]:
        lie, them = ("lies", "it") if len(theirs) == 1 else ("lie", "them")
        raise PlanError(
            f"{out}: {count_of(len(theirs), 'file')} that no run has written {lie} at the places of outputs, such as "
            f"{theirs[0]}; put {them} elsewhere, and merge again"
        )


def _note_that_they_come(out: Path, part: Account, names: Collection[str]) -> None:
    """Let the books of a shard say what is being written: should this be killed, it would pass for somebody's."""
    noted = {**part.run, MERGING: sorted(names)}
    write_atomically(Books(out, part.shard).run, (json.dumps(noted, indent=2) + "\n").encode())
