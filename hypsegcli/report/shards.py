"""The shards of an evaluation, which lie in one folder, made into one: as if one process had scored all images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.errors import DataError, PlanError, UsageError, setting
from hypsegcli.files.atomic import already_there
from hypsegcli.files.books import names_in
from hypsegcli.files.hold import LOCK
from hypsegcli.files.lock import is_locked
from hypsegcli.files.shard import Shard, shard_of
from hypsegcli.files.words import count_of, first_of, shorten
from hypsegcli.report.part import Part
from hypsegcli.report.plan import Plan, keys_sha256
from hypsegcli.report.shard_file import Head, read_head, read_shard
from hypsegcli.scores.evaluation import Evaluation, ImageRow

_SHARD = "shard.npz"
_LISTED, _NAMED = 20, 3  # shards, and what differs, in a sentence
_LETTERS = 40  # of a value there
_OF_FILES = {  # hashes of a plan, and in what those differ of which one is another
    "sizes_sha256": "the sizes of the files that are evaluated",
    "samples_sha256": "what the files hold that are evaluated",
    "origins_sha256": "the maps that are scored, some of which a run has made anew",
}


class Merged(NamedTuple):
    """All shards of an evaluation as one."""

    part: Part
    replace: bool  # whether all of them were to replace results that were there
    files: dict[str, str]  # those that they were read from: name to SHA-256


def shard_file(folder: Path, shard: Shard) -> Path:
    """Where a shard of an evaluation leaves its part."""
    return folder / shard.named(_SHARD)


def find_shards(folder: Path) -> list[Shard]:
    """Those of evaluations whose files lie in a folder, by their number and place; none where there is no folder."""
    found = [
        shard
        for name in names_in(folder)
        if name.startswith("shard.") and (shard := shard_of(name, _SHARD)) is not None
    ]
    return sorted(found, key=lambda shard: (shard.of, shard.index))


def refuse_other_shards(folder: Path, shard: Shard, plan: Plan, recipe: Mapping[str, Any]) -> None:
    """Refuse what would not merge with the files that are there, before a shard's images are scored.

    Raises PlanError where its own is there, or those of an evaluation in another number of shards, of other images or
    otherwise made. Of several that are there, one is looked at.
    """
    found = find_shards(folder)
    if shard in found:
        raise already_there(shard_file(folder, shard))
    if others := [each for each in found if each.of != shard.of]:
        raise PlanError(
            f"{shard_file(folder, others[0])}: is of an evaluation in {count_of(others[0].of, 'shard')}, and this is "
            f"one of {shard.of}; remove those files with {setting('overwrite')}, or choose another {setting('out')}"
        )
    if not found:
        return
    path = shard_file(folder, found[0])
    try:
        head = read_head(path)
    except DataError:  # which is told when they are merged
        return
    if difference := _difference(head.plan, head.asked.recipe(), plan, recipe):
        raise PlanError(
            f"{path}: does not belong to the same evaluation as shard {shard}, for they differ in {difference}; give "
            f"all shards one command and the same files, or choose another {setting('out')}"
        )


def remove_other_shards(folder: Path, shard: Shard) -> None:
    """Remove the files of an evaluation in another number of shards, which this one is to replace."""
    for each in find_shards(folder):
        if each.of != shard.of:
            shard_file(folder, each).unlink(missing_ok=True)


def missing_shards(folder: Path, found: Sequence[Shard]) -> str | None:
    """A sentence on the shards of which there are no files; None where all are there, or no number is known.

    Raises PlanError where they are of evaluations in different numbers of shards.
    """
    numbers = sorted({shard.of for shard in found})
    if len(numbers) > 1:
        told = " and ".join(f"{shard_file(folder, next(s for s in found if s.of == of)).name}" for of in numbers[:2])
        raise PlanError(
            f"{folder}: holds shards of different numbers, such as {told}, which do not belong together; remove those "
            "that are not wanted"
        )
    (of,) = numbers
    there = {shard.index for shard in found}
    missing = [Shard(index, of) for index in range(of) if index not in there]
    if not missing:
        return None
    are, more = ("are", " and so on") if len(missing) > 1 else ("is", "")
    listed = first_of(
        [f"{one}{' (at work)' if is_locked(folder / one.named(LOCK)) else ''}" for one in missing], _LISTED
    )
    return (
        f"{folder}: {len(missing)} of {count_of(of, 'shard')} {are} missing: {listed}; evaluate with "
        f"{setting('shard', missing[0])}{more}, then merge again"
    )


def merge_shards(folder: Path, shards: Sequence[Shard]) -> Merged:
    """Add up all shards of an evaluation, whose files are there; two of them are held at a time.

    Raises UsageError where they do not belong together, DataError where one is damaged.
    """
    heads = [_read_own_head(folder, shard) for shard in shards]
    first = heads[0]
    for head in heads[1:]:
        _refuse_apart(folder, first, head)
    asked = first.asked
    whole = Part.of(asked, Evaluation(asked.scheme, replicates=asked.replicates))
    rows: dict[int, list[ImageRow]] = {}  # by the index of the shard
    files: dict[str, str] = {}
    for shard, head in zip(shards, heads, strict=True):
        path = shard_file(folder, shard)
        read = read_shard(path)
        if read.head != head:
            raise DataError(f"{path}: was written anew while it was read; merge again")
        files[path.name] = read.sha256
        rows[shard.index] = read.part.rows
        whole.merge(read.part)
    turns = zip_longest(*(rows[index] for index in sorted(rows)))  # as shards took them, one after the other
    whole.rows = [row for turn in turns for row in turn if row is not None]
    if keys_sha256(row.key for row in whole.rows) != first.plan.keys_sha256:
        raise DataError(f"{folder}: the shards are not of the images that they say; evaluate all of them again")
    tally = whole.evaluation.tally
    if tally.proper[:, 0].sum() != (tally.confusion.sum() if asked.probabilities else 0):
        raise DataError(f"{folder}: the shards are not of the probabilities that they say; evaluate all of them again")
    return Merged(whole, all(head.replace for head in heads), files)


def _read_own_head(folder: Path, shard: Shard) -> Head:
    path = shard_file(folder, shard)
    head = read_head(path)
    if head.shard != shard:
        raise UsageError(
            f"{path}: is that of shard {head.shard} by what it says itself; give it its name back, or evaluate shard "
            f"{shard} again"
        )
    return head


def _refuse_apart(folder: Path, one: Head, other: Head) -> None:
    if difference := _difference(one.plan, one.asked.recipe(), other.plan, other.asked.recipe()):
        raise PlanError(
            f"{shard_file(folder, one.shard)} and {shard_file(folder, other.shard).name} do not belong together, for "
            f"they differ in {difference}; evaluate all shards again by one command"
        )


def _difference(plan: Plan, recipe: Mapping[str, Any], other: Plan, others: Mapping[str, Any]) -> str | None:
    """In what two shards differ that those of one evaluation have in common."""
    if plan.images != other.images:
        return f"the number of images ({plan.images:,} and {other.images:,})"
    if plan.keys_sha256 != other.keys_sha256:
        return "the names of images"
    told = []
    for name in dict.fromkeys((*recipe, *others)):
        if recipe.get(name) != others.get(name):
            one, another = (shorten(str(values.get(name)), _LETTERS) for values in (recipe, others))
            told.append(f"{name} ({one} and {another})" if one != another else name)
    if told:
        return first_of(told, _NAMED)
    return next((words for name, words in _OF_FILES.items() if getattr(plan, name) != getattr(other, name)), None)
