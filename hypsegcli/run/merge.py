"""From the books of a run's shards, one run: what there would be, had one process done all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.atomic import sweep
from hypsegcli.files.books import MANIFEST, RUN, Books
from hypsegcli.files.digest import Digest
from hypsegcli.files.kinds import folders_of_kinds
from hypsegcli.files.lock import locked
from hypsegcli.files.shard import Shard
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.accounts import (
    MERGED,
    MERGING,
    Account,
    as_one_run,
    generation_of,
    in_one,
    read_accounts,
    remove_books,
    replace_books,
    times_of,
)
from hypsegcli.run.adopted import with_left_files
from hypsegcli.run.difference import differences
from hypsegcli.run.earlier import is_forgotten
from hypsegcli.run.ends import Ends
from hypsegcli.run.films import frames_in
from hypsegcli.run.lines import Selection
from hypsegcli.run.manifest import (
    Line,
    input_of,
    is_for_another,
    outputs_of,
    part_of,
    source_of,
)
from hypsegcli.run.merged import Merged, merged_before
from hypsegcli.run.merged_files import clear_away, is_of_its_size, make_files
from hypsegcli.run.ordering import ordering_in
from hypsegcli.run.remarks import say_beyond, say_stayed
from hypsegcli.run.unfinished import begun, never_done

_LISTED = 5  # shards


def merge(out: Path) -> Merged:
    """Make one run of the shards whose books lie in a folder; nobody may write there meanwhile.

    The newest shards count, where there have been several numbers of them: they have looked at what the others did.
    What the maps hold is not read, but for their sizes; see `verify`. Where they have been merged already, it says so.
    Raises PlanError where there are no shards, where they are not of one run, and where one of them is still running.
    """
    if not out.is_dir():
        raise PlanError(f"{out}: there is no such folder; name one that shards of a run wrote into")
    with locked(out, "merge"):
        accounts = read_accounts(out)
        shards = [account for account in accounts if account.shard is not None]
        if merged := merged_before(out, accounts, shards):
            remove_books(out)
            return merged
        if not shards:
            raise PlanError(
                f"{out}: holds no books of shards; name a folder that hypseg predict, uncertainty or evaluate wrote "
                f"into with {setting('shard')}"
            )
        of = shards[-1].shard.of if shards[-1].shard is not None else 0
        newest = {
            account.shard.index: account
            for account in shards
            if account.shard and account.shard.of == of and generation_of(account) == generation_of(shards[-1])
        }
        parts = [newest[index] for index in sorted(newest) if _has_begun(out, newest[index])]
        _refuse_of_several_runs(out, parts)
        found = _look_at(out, parts, of)
        if found.is_complete:
            sweep(out, folders_of_kinds(out))
            files, remarks = _write(out, accounts, parts)
            return found._replace(files=files, remarks=remarks)
        return found


def _refuse_of_several_runs(out: Path, parts: Sequence[Account]) -> None:
    """PlanError unless shards have planned the same images, and done them by one recipe."""
    for part in parts:
        first = parts[0]
        if not _is_readable(part):
            raise PlanError(
                f"{out}: the books of the shard {part.shard} are damaged; run it again with {setting('resume')}"
            )
        if _whole(part) != _whole(first):
            raise PlanError(
                f"{out}: the shards {first.shard} and {part.shard} were to share other images: {_images(first)} and "
                f"{_images(part)}, or of other names; name the same inputs, and run all shards again with "
                f"{setting('resume')}"
            )
        if part.run.get("recipe") != first.run.get("recipe"):
            which = "; ".join(differences(first.run, part.run, word=f"in {part.shard}")) or "by other settings"
            raise PlanError(
                f"{out}: the shards {first.shard} and {part.shard} make other maps: {which}; give all of them the same "
                f"options, and run those again with {setting('resume')}"
            )
        if ordering_in(part.run) != ordering_in(first.run):
            raise PlanError(
                f"{out}: the shards {first.shard} and {part.shard} were to rank images otherwise; give all of them the "
                f"same options, and run those again with {setting('resume')}"
            )


def _look_at(out: Path, parts: Sequence[Account], of: int) -> Merged:
    begun = {part.shard: part for part in parts if part.shard is not None}
    not_begun = [shard for index in range(of) if (shard := Shard(index, of)) not in begun]
    not_finished = {shard: str(part.run.get("status")) for shard, part in begun.items() if not _is_finished(part)}
    counts, ended = Counter[str](), set()
    failed: dict[str, str] = {}
    missing: set[str] = set()
    twice: list[str] = []
    changed: list[str] = []
    clips: dict[str, set[Digest]] = {}  # what the frames of each are from
    for part in parts:
        for key, line in part.lines.items():
            if is_for_another(line) or line["status"] == "dropped":
                continue
            counts[line["status"]] += 1
            if line["status"] == "stale":
                missing.add(key)
                continue
            twice += [key] if key in ended else []
            ended.add(key)
            if line["status"] == "failed":
                failed[key] = line["reason"]
            else:
                changed += _not_of_their_size(out, line)
                if part_of(line) is not None:
                    clips.setdefault(key.rpartition("/")[0], set()).add(source_of(line))
    if several := [clip for clip, files in clips.items() if len(files) > 1]:
        raise PlanError(
            f"{out}: the frames of {first_of(several, _LISTED)} are of several files, for it was replaced between two "
            f"shards; run all shards again with {setting('resume')}"
        )
    if twice:
        raise PlanError(
            f"{out}: several shards have done {first_of(twice, _LISTED)}; somebody has changed their books: run all "
            f"shards again with {setting('resume')}"
        )
    missing |= {line["key"] for part in parts for line in never_done(part.run) if line["key"] not in ended}
    if not (not_begun or not_finished or missing) and len(ended) != _images(parts[0]):
        raise PlanError(
            f"{out}: the shards were to do {count_of(_images(parts[0]), 'image')} and have lines of {len(ended)}; "
            f"somebody has changed their books: run all shards again with {setting('resume')}"
        )
    return Merged(
        shards=of,
        done=counts["done"],
        failed=failed,
        files=(),
        not_begun=not_begun,
        not_finished=not_finished,
        missing=sorted(missing),
        changed=changed,
    )


def _not_of_their_size(out: Path, line: Line) -> Iterator[str]:
    for path, digest in outputs_of(line).values():
        if not is_of_its_size(out / path, digest):
            yield path.as_posix()


def _write(out: Path, accounts: Sequence[Account], parts: Sequence[Account]) -> tuple[Sequence[str], Sequence[str]]:
    """Write the books of the whole, and what is of all images; the names of these files, and what is to be said."""
    run, known = parts[0].run, in_one(accounts)
    of_shards = {key: part for part in parts for key, line in part.lines.items() if not is_for_another(line)}
    ends = Ends(frames_in(run), lambda: ((key, input_of(part.lines[key])) for key, part in of_shards.items()))
    elsewhere = [key for key in known if key not in of_shards and _stays(known[key], ends)]
    said = as_one_run(accounts)
    left = {key: with_left_files(out, known[key], said) for key in begun(said, known) if key in known}
    others = Selection(elsewhere, lambda key: left.get(key) or known[key])
    never = {line["key"]: line for account in accounts for line in never_done(account.run)}
    new = {key: with_left_files(out, line, said) for key, line in never.items() if key not in known}
    asked = [line for line in new.values() if outputs_of(line) or not ends.is_gone(line)]
    lines = Selection(sorted(of_shards), lambda key: of_shards[key].lines[key])
    before = next((account for account in accounts if account.shard is None), Account(None, {}, {}))
    again = (line for key, line in before.lines.items() if key in of_shards)
    files, owed, remarks = make_files(out, accounts, parts[0], known, lines=lines, again=again, others=others)
    dropped = (line for key, line in known.items() if line["status"] == "dropped" and key not in of_shards)
    stayed = clear_away(out, said, dropped, staying=files)
    remarks = [*remarks, *say_beyond(sum(map(ends.is_beyond, others))), *say_stayed(stayed)]
    notes, done = Counter[str](), 0
    for line in lines:
        if line["status"] == "done":
            done += 1
            notes.update(line["notes"])
    of_parts = {"shard", "unfinished", "owed", "replaces", "profile", MERGING}
    whole = {
        **{name: value for name, value in run.items() if name not in of_parts},
        "status": "finished",
        "counts": {
            "planned": len(lines),
            "done": done,
            "failed": len(lines) - done,
            "others": len(others) + len(asked),
        },
        "files": {name: digest._asdict() for name, digest in files.items()},
        **({"owed": list(owed)} if owed else {}),
        **times_of(parts),
        "notes": notes,
        MERGED: len(parts),
    }
    replace_books(out, chain(lines, others, asked), whole)
    return [MANIFEST, RUN, *files], remarks


def _stays(line: Line, ends: Ends) -> bool:
    """Whether the line of an image that the shards were not asked for stays, as it does where one run goes on."""
    return line["status"] != "dropped" and not is_forgotten(line, keep=True, is_gone=ends.is_gone)


def _has_begun(out: Path, part: Account) -> bool:
    """Whether a shard has its run.json; its manifest is there before, and it may have been killed between the two."""
    return Books(out, part.shard).run.exists()


def _is_finished(part: Account) -> bool:
    return part.run.get("status") == "finished"


def _is_readable(part: Account) -> bool:
    """Whether a shard's run.json says, each of its type, what is read of it here."""
    run = part.run
    try:
        datetime.fromisoformat(run["started"])
    except (KeyError, TypeError, ValueError):
        return False
    options, seconds = run.get("options"), run.get("seconds")
    return (
        isinstance(run.get("recipe"), str)
        and isinstance(options, dict)
        and type(seconds) in {int, float}
        and type(_whole(part)[1]) is int
    )


def _whole(part: Account) -> tuple[Any, ...]:
    """What shards of one run have in common."""
    said = part.run.get("shard")
    return (said.get("plan_sha256"), said.get("images")) if isinstance(said, dict) else (None, None)


def _images(part: Account) -> int:
    return int(_whole(part)[1])
