"""The books in a run's folder: those of the run, and until they are merged, those of its shards, read as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.books import Books, names_in, shards_in
from hypsegcli.files.shard import Shard
from hypsegcli.run.lines import Lines, write_lines
from hypsegcli.run.manifest import (
    Age,
    Line,
    input_of,
    is_for_another,
    is_only_asked_for,
    is_to_be_done_again,
    kept_since,
    of_whoever_has_it,
    read_object,
)
from hypsegcli.run.unfinished import never_done, reached

# Of a run that is in shards, the status: the first of these that one of them has.
_WORST_FIRST = ("running", "aborted", "interrupted", "stopped", "finished")

MERGING = "merging"  # of a shard's run.json: files of many images, by name, that whoever merges has begun to write
MERGED = "merged"  # of the whole run's books: how many shards have been merged into them, until another run begins
_INSTEAD_OF = "instead_of"  # of these: the shards whose books they have in them, which count no more


class Account(NamedTuple):
    """What the books of a run say, or those of one shard of it."""

    shard: Shard | None
    run: Mapping[str, Any]  # its run.json
    lines: Mapping[str, Line]  # of its manifest, by key


def read_manifest(out: Path) -> Mapping[str, Line]:
    """The lines of the images in a run's folder, by key; see Lines. Where it is in shards, the newest of each."""
    return in_one(read_accounts(out))


def read_run(out: Path) -> dict[str, Any]:
    """run.json in a run's folder; where it is in shards, what there would be in it, of all of them as one run."""
    if len(shards_of(out)) == 1:
        return read_object(Books(out).run)
    return as_one_run(read_accounts(out))


def shards_of(out: Path) -> list[Shard | None]:
    """The shards that have books in a run's folder, and first None, which stands for those of the run itself.

    Those that the run's own have in them by now do not count: whoever was to remove them has been killed.
    """
    found = read_object(Books(out).run).get(_INSTEAD_OF)
    gone = found if isinstance(found, dict) else {}
    return [None, *(shard for shard in shards_in(names_in(out)) if not _is_among(gone, out, shard))]


def _is_among(gone: Mapping[str, Any], out: Path, shard: Shard) -> bool:
    stamp = gone.get(str(shard))
    return stamp is not None and stamp == stamp_of(read_object(Books(out, shard).run))


def stamp_of(run: Mapping[str, Any]) -> list[Any] | None:
    """By which the run.json of a shard is known from that of a later one of its name; None where it says nothing."""
    return [run["started"], run.get("seconds")] if "started" in run else None


def read_accounts(out: Path) -> list[Account]:
    """All books in a run's folder, the oldest first."""
    found = [(shard, Books(out, shard)) for shard in shards_of(out)]
    accounts = [Account(shard, read_object(books.run), Lines(books.manifest)) for shard, books in found]
    return sorted(accounts, key=age_of)


def age_of(account: Account) -> Age:
    """By which books are told to be newer than others."""
    return generation_of(account), str(account.run.get("started", ""))


def generation_of(account: Account) -> int:
    """How many numbers of shards there were before these, whatever clocks of machines say; -1 for the run itself."""
    said = account.run.get("shard")
    generation = said.get("generation") if isinstance(said, dict) else 0
    return -1 if account.shard is None else generation if type(generation) is int else 0


def next_generation(out: Path, shard: Shard) -> int:
    """That of a shard which begins now: after those of all other numbers, beside those of its own."""
    found = [Account(each, read_object(Books(out, each).run), {}) for each in shards_of(out) if each is not None]
    of_others = [generation_of(each) + 1 for each in found if each.shard is not None and each.shard.of != shard.of]
    return max([*of_others, *(generation_of(each) for each in found)], default=0)


class _Newest(Mapping[str, Line]):
    """The lines of several books, the oldest first: what a later one says of an image holds."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._of: dict[str, Account] = {}
        for account in accounts:
            for key, line in account.lines.items():
                if key not in self._of or not is_for_another(line) or self._is_newer(line, self._of[key]):
                    self._of[key] = account

    @staticmethod
    def _is_newer(kept: Line, before: Account) -> bool:
        """Whether a line that is kept for another holds all the same."""
        line = before.lines[kept["key"]]
        if is_only_asked_for(line) or is_only_asked_for(kept):
            return is_only_asked_for(line)
        if is_for_another(line):
            return (kept_since(kept), not _is_due(kept)) >= (kept_since(line), not _is_due(line))
        is_as_it_was = is_to_be_done_again(kept) and line.get("recipe") == kept["recipe"]
        if _is_due(kept) and not is_as_it_was:  # whoever has it may have begun at the same time, and done it
            return kept_since(kept)[0] > generation_of(before)
        return kept_since(kept) > age_of(before)

    def __getitem__(self, key: str) -> Line:
        return of_whoever_has_it(self._of[key].lines[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, key: object) -> bool:
        return key in self._of


def _is_due(line: Line) -> bool:
    return line["status"] == "stale" or is_to_be_done_again(line)


def in_one(accounts: Sequence[Account]) -> Mapping[str, Line]:
    """The lines of several books, the oldest first, by key: what a later one says of an image holds."""
    return accounts[0].lines if len(accounts) == 1 else _Newest(accounts)


def as_one_run(accounts: Sequence[Account]) -> dict[str, Any]:
    """What several books, the oldest first, say of a run, as its run.json would.

    Its last images may have files without lines: those that were between the threads of a shard that was cut short.
    """
    if len(accounts) == 1:
        return dict(accounts[0].run)
    runs = [account.run for account in accounts if account.run]
    lines = in_one(accounts)
    open_runs = [run for run in runs if run.get("status") != "finished"]
    cut = [line for run in open_runs for line in never_done(run) if not _has_ended(lines.get(line["key"]))]
    first = {key for run in open_runs for key in reached(run, lines)}
    cut.sort(key=lambda line: line["key"] not in first)
    said = [part for run in open_runs if isinstance(part := run.get("unfinished"), dict)]
    owed = _names([*(run.get("owed") for run in runs), *(part.get("files") for part in said)])
    statuses = {run.get("status") for run in runs}
    newest = runs[-1] if runs else {}
    options = newest.get("options")
    own = next((account.run for account in accounts if account.shard is None), {})
    return {
        **{name: value for name, value in newest.items() if name not in {MERGED, _INSTEAD_OF}},
        "status": next((status for status in _WORST_FIRST if status in statuses), "unknown"),
        "options": (options if isinstance(options, dict) else {}) | {"workers": len(first) - 1},
        "counts": {"planned": _images_of(newest, lines), "others": 0},
        "files": own.get("files", {}),
        "unfinished": {
            "images": {line["key"]: str(input_of(line)) for line in cut},
            "directory": "",
            "outputs": {kind: suffix for part in said for kind, suffix in _items(part.get("outputs"))},
            "files": _names([*(part.get("files") for part in said), *(run.get(MERGING) for run in runs)]),
        },
        "replaces": _names(run.get("replaces") for run in runs),
        "owed": owed,
        "started": min((str(run.get("started", "")) for run in open_runs), default=str(newest.get("started", ""))),
    }


def take_over(out: Path) -> None:
    """Let a run's own books say what those of its shards do, and remove these: the next run is in one piece.

    Nobody else may be writing in the folder. Cut short, it is done again: all say the same until the last is gone.
    """
    if len(shards_of(out)) == 1:  # before all lines are read
        remove_books(out)
        return
    accounts = read_accounts(out)
    replace_books(out, in_one(accounts).values(), as_one_run(accounts))


def replace_books(out: Path, lines: Iterable[Line], run: Mapping[str, Any]) -> None:
    """Write a run's own books, and remove those of its shards; cut short in between, these count no more."""
    shards = shards_in(names_in(out))
    stamps = {str(shard): stamp_of(read_object(Books(out, shard).run)) for shard in shards}
    write_lines(Books(out).manifest, lines)
    write_atomically(Books(out).run, (json.dumps({**run, _INSTEAD_OF: stamps}, indent=2) + "\n").encode())
    remove_books(out)


def begin_anew(books: Books) -> None:
    """Remove the books of a shard that count no more, before it begins again; see shards_of."""
    if books.shard not in shards_of(books.out):
        books.manifest.unlink(missing_ok=True)
        books.run.unlink(missing_ok=True)


def remove_books(out: Path) -> None:
    """Remove the books of a run's shards, which its own have by now."""
    for shard in shards_in(names_in(out)):
        Books(out, shard).manifest.unlink(missing_ok=True)
        Books(out, shard).run.unlink(missing_ok=True)


def times_of(parts: Sequence[Account]) -> dict[str, Any]:
    """From when the first of a run's shards began, and for how long until the last ended."""
    started = [datetime.fromisoformat(part.run["started"]).timestamp() for part in parts]
    ended = [since + part.run["seconds"] for since, part in zip(started, parts, strict=True)]
    first = min(range(len(parts)), key=lambda index: started[index])
    return {"started": parts[first].run["started"], "seconds": round(max(ended) - min(started), 3)}


def _has_ended(line: Line | None) -> bool:
    return line is not None and line["status"] in {"done", "failed"}


def _images_of(run: Mapping[str, Any], lines: Mapping[str, Line]) -> int:
    """How many images all shards of a run have, as one of them says."""
    shard = run.get("shard")
    images = shard.get("images") if isinstance(shard, dict) else None
    return images if type(images) is int else len(lines)


def _items(found: object) -> Iterable[tuple[str, Any]]:
    return found.items() if isinstance(found, dict) else ()


def _names(lists: Iterable[object]) -> list[str]:
    return sorted({name for each in lists if isinstance(each, list) for name in each if isinstance(name, str)})
