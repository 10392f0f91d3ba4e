"""What the books of a shard say of images that are not its own.

It was asked for them before, for what is every how-manieth image changes with their number; or they are those of a
shard that may never begin.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from hypsegcli.files.books import Books
from hypsegcli.run.accounts import Account, age_of
from hypsegcli.run.adopted import with_left_files
from hypsegcli.run.asked import asked_for
from hypsegcli.run.lines import Lines, Selection
from hypsegcli.run.manifest import (
    Line,
    for_another,
    input_of,
    is_cut_otherwise,
    read_object,
    to_be_done_again,
)
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.unfinished import begun, never_done


def run_of_a_shard(plan: Sequence[PlannedImage], run: Mapping[str, Any]) -> dict[str, Any]:
    """What all books in a folder say of a run, of a shard's images alone: what others are about is no concern of it."""
    keys = {str(planned.key) for planned in plan}
    never = {line["key"]: str(input_of(line)) for line in never_done(run) if line["key"] in keys}
    unfinished = run.get("unfinished")
    said = unfinished if isinstance(unfinished, dict) else {}
    return {**run, "files": {}, "owed": [], "unfinished": {**said, "images": never, "files": []}}


def kept_for_others(
    books: Books,
    plan: Sequence[PlannedImage],
    of_others: Sequence[PlannedImage],
    earlier: Mapping[str, Line],
    *,
    recipe: str,
    description: Mapping[str, Any],
    cuts: Callable[[int, int], bool],
) -> Collection[Line]:
    """Lines of images that are no shard's own: of an earlier plan of it, and those `of_others` that are to be done.

    The latter are those that no book speaks of, or as done by another recipe than the next run's, whose run.json begins
    with `description`. `earlier` are the lines of all books in the folder.
    """
    planned = {str(each.key) for each in plan}
    own, before = Lines(books.manifest), read_object(books.run)
    past, present = (age_of(Account(books.shard, run, {})) for run in (before, description))
    left = {key: with_left_files(books.out, own[key], before) for key in begun(before, own) if key in own}
    to_be_done = [one for one in of_others if _is_to_be_done(earlier.get(str(one.key)), recipe, cuts)]
    items: list[str | PlannedImage] = [*(key for key in own if key not in planned), *to_be_done]

    def make(one: str | PlannedImage) -> Line:
        if isinstance(one, str):
            return for_another(left.get(one) or own[one], past)
        line = earlier.get(str(one.key))
        if line is None:
            return for_another(asked_for(one))
        return for_another(to_be_done_again(line), present)

    return Selection(items, make)


def _is_to_be_done(line: Line | None, recipe: str, cuts: Callable[[int, int], bool]) -> bool:
    if line is None:
        return True
    return line["status"] == "done" and (line["recipe"] != recipe or is_cut_otherwise(line, cuts))
