"""The files of many images that the shards of a run leave to whoever merges them: videos and tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.files.digest import Digest
from hypsegcli.run.accounts import Account, as_one_run
from hypsegcli.run.films import films_in
from hypsegcli.run.manifest import Line
from hypsegcli.run.ordering import ordering_in
from hypsegcli.run.remarks import say_owed
from hypsegcli.run.tables import writers
from hypsegcli.run.whole_files import files_that_are_owed, files_that_stay


class MergedFiles(NamedTuple):
    """What becomes of the files of many images, by name from the run's folder on."""

    files: Mapping[str, Digest]  # that are there
    owed: Sequence[str]  # that runs before these shards were to write, and nobody has
    remarks: Sequence[str]  # sentences on what becomes of them


def make_files(
    out: Path,
    accounts: Sequence[Account],
    run: Mapping[str, Any],
    lines: Mapping[str, Line],
    *,
    again: Iterable[Line],
    others: Collection[Line],
) -> MergedFiles:
    """Write those that a shard's run.json tells of, of all lines; earlier ones stay, or are owed, as in one process.

    `accounts` are all books in the folder, `again` the lines of the whole run's own that the shards have done again,
    `others` those of images that they were not asked for.
    """
    making, said = _to_make(run, lines), as_one_run(accounts)
    files = {name: digest for name, make in making.items() if (digest := make(out, run["recipe"]))}
    going = list(again)
    files |= files_that_stay(out, said, made=making, going=going, others=others)
    owed = files_that_are_owed(said, but={*making, *files}, going=going, others=others)
    return MergedFiles(files, owed, say_owed(out, owed))


def _to_make(run: Mapping[str, Any], lines: Mapping[str, Line]) -> dict[str, Callable[[Path, str], Digest | None]]:
    """What writes each of the files that shards were to make of all images."""
    tables = writers(ordering_in(run)) if run["options"].get("command") == "uncertainty" else {}
    return {**films_in(run, lines), **tables}
