"""What an earlier run has left in a folder, and what becomes of it.

A run that resumes another believes a manifest line if the image was done by the same recipe (checkpoint and options
that decide the pixels), whole or in windows as it would be now, and if the input and all outputs still hold, byte for
byte, what the line says.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.files.books import RANKING, TABLES, Books
from hypsegcli.files.digest import Digest, digest_file, digest_shared
from hypsegcli.files.place import StorePath
from hypsegcli.files.regular import is_there
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.run.accounts import as_one_run, in_one, read_accounts
from hypsegcli.run.ends import Ends
from hypsegcli.run.etags import note_etags
from hypsegcli.run.films import frames_in
from hypsegcli.run.for_others import kept_for_others, run_of_a_shard
from hypsegcli.run.left_over import find_left_over
from hypsegcli.run.lines import Selection
from hypsegcli.run.manifest import (
    Line,
    as_it_is,
    has_failed,
    input_of,
    is_cut_otherwise,
    is_to_be_done_again,
    outputs_of,
    placed,
    source_of,
    to_be_made,
    without_result,
)
from hypsegcli.run.namesakes import find_namesakes
from hypsegcli.run.plan import PlannedImage, targets_of
from hypsegcli.run.remarks import say_beyond, say_given_up, say_owed, say_redone, say_replaced
from hypsegcli.run.tables import say_of_tables
from hypsegcli.run.unnamed import Unnamed, find_unnamed
from hypsegcli.run.whole_files import files_that_are_owed, files_that_stay


class Earlier(NamedTuple):
    """An earlier run, as the next one sees it."""

    rest: list[PlannedImage]  # images that must be done, those that failed before last
    new: Sequence[PlannedImage]  # those of them that none of these lines is of
    kept: Collection[Line]  # of planned images that hold
    others: Collection[Line]  # of images that the next run is not asked for
    stale: Collection[Line]  # of images that are done again
    dropped: Collection[Line]  # of images that are gone
    whole: Mapping[str, Digest]  # files of the whole run that stay, by name, as the books have them
    owed: Sequence[str]  # files of the whole run that an earlier one was to make, and this one does not
    left_over: Mapping[Path, Digest]  # files that are not made again, likewise
    remarks: Sequence[str]  # sentences on what becomes of it

    def lines(self) -> Iterator[Line]:
        """Those that the manifest has until the images are done that are to be."""
        return chain(self.others, self.kept, self.stale, self.dropped)


NOTHING = Earlier([], (), (), (), (), (), whole={}, owed=(), left_over={}, remarks=())


def look_back(
    books: Books,
    plan: Sequence[PlannedImage],
    *,
    of_others: Sequence[PlannedImage],
    recipe: str,
    description: Mapping[str, Any],
    cuts: Callable[[int, int], bool],
    further: Collection[str],
    keep: bool,
) -> Earlier:
    """What the folder of books holds for the next run; with `keep` lines of its images remain where they hold.

    To know that, every input and output that they speak of is read. Images that are not in the plan stay as they are;
    without `keep` they are dropped where the photograph is no longer in its folder. `recipe` and `description` are the
    next run's, as run.json has them; `cuts` says of a height and a width whether it takes such an image in windows;
    `further` are the files of the whole run that it makes. A shard looks at what there is of its own images alone, and
    keeps lines of those `of_others` that are to be done: such a shard may never begin.
    """
    out, tidies = books.out, not keep and books.shard is None
    accounts = read_accounts(out)
    earlier, run = in_one(accounts), as_one_run(accounts)
    if any(isinstance(place, StorePath) for place in (out, *(planned.source for planned in plan))):
        note_etags(out, earlier.values())
    is_target = targets_of(plan, out)
    remarks: list[str] = []
    if books.shard is None:
        ends = Ends(frames_in(description), lambda: ((str(planned.key), planned.source) for planned in plan))
        dropped, others, beyond, given_up = _elsewhere(
            out, plan, earlier, tidies=tidies, is_target=is_target, ends=ends
        )
        remarks += [*say_beyond(beyond), *say_given_up(given_up)]
    else:
        run, dropped = run_of_a_shard(plan, run), ()
        others = kept_for_others(books, plan, of_others, earlier, recipe=recipe, description=description, cuts=cuts)
    kept, rest = _compare(plan, earlier, lambda planned, line: keep and _holds(out, planned, line, recipe, cuts), keep)

    def before(planned: PlannedImage) -> Line:
        return earlier[str(planned.key)]

    again = [planned for planned in rest if str(planned.key) in earlier]
    if keep:
        remarks += say_redone(
            accounts, map(before, again), of=len(plan), recipe=recipe, description=description, cuts=cuts
        )
    elif tidies:
        remarks += say_replaced(dropped, others, list(find_namesakes(plan, run=run, earlier=earlier)))
    stale = Selection(
        [planned for planned in again if outputs_of(line := before(planned)) or has_failed(line)],
        lambda planned: to_be_made(placed(before(planned), planned.source), planned.outputs),
    )
    known = {line["key"] for line in stale}
    whole = files_that_stay(out, run, made=further, going=chain(stale, dropped), others=others)
    owed = files_that_are_owed(run, but={*further, *whole}, going=chain(stale, dropped), others=others)
    remarks += say_owed(out, owed)
    if again_or_never := [name for name in TABLES if name not in whole]:
        made_by = recipe if RANKING in further else None
        images = ((planned.source, planned.part) for planned in plan)
        remarks += say_of_tables(out, run, again_or_never, images=images, others=others, recipe=made_by, keep=keep)
    unnamed = list(find_unnamed(out, rest, run=run, earlier=earlier))
    left_over = find_left_over(
        out,
        rest,
        run=run,
        earlier=earlier,
        dropped=dropped,
        others=others,
        is_target=is_target,
        whole=whole,
        unnamed=unnamed,
    )
    remarks += left_over.remarks()
    staying = [found for found in unnamed if found.path not in left_over.files]
    return Earlier(
        rest=_with_theirs(rest, staying),
        new=[planned for planned in rest if str(planned.key) not in known],
        kept=Selection(kept, lambda planned: as_it_is(placed(before(planned), planned.source))),
        others=others,
        stale=stale,
        dropped=dropped,
        whole=whole,
        owed=owed,
        left_over=left_over.files,
        remarks=remarks,
    )


def _elsewhere(
    out: Path,
    plan: Sequence[PlannedImage],
    earlier: Mapping[str, Line],
    *,
    tidies: bool,
    is_target: Callable[[Path], bool],
    ends: Ends,
) -> tuple[Collection[Line], Collection[Line], int, int]:
    """Lines of images that are not planned: of those whose files go, and of others, which stay as they are.

    And how many of the others their files have no longer; and how many images are there that a run was to do, and that
    nobody is to any more.
    """
    planned = {str(each.key) for each in plan}
    dropped, others, beyond, given_up = [], [], 0, 0
    for key in earlier:
        if key in planned:
            continue
        line = earlier[key]
        if line["status"] == "dropped" or (tidies and outputs_of(line) and ends.is_gone(line)):
            dropped += [key] if outputs_of(line) else []
        elif not is_forgotten(line, keep=not tidies, is_gone=ends.is_gone) and not any(
            # No run writes such a line, but somebody may have edited it.
            is_target(out / path)
            for path, _ in outputs_of(line).values()
        ):
            others.append(key)
            beyond += ends.is_beyond(line)
            given_up += tidies and is_to_be_done_again(line)
        elif tidies and line["status"] == "stale" and is_there(input_of(line)):
            given_up += 1
    return (
        Selection(dropped, lambda key: without_result(earlier[key], "dropped")),
        Selection(others, lambda key: as_it_is(earlier[key]) if tidies else earlier[key]),
        beyond,
        given_up,
    )


def _compare(
    plan: Sequence[PlannedImage],
    earlier: Mapping[str, Line],
    holds: Callable[[PlannedImage, Line | None], bool],
    keep: bool,
) -> tuple[list[PlannedImage], list[PlannedImage]]:
    """The images whose lines hold, and the rest, those that failed when they were last tried at the end.

    Else a run that may fail only so often would never come to the others.
    """
    workers = default_workers() if keep else 0
    pairs = ((planned, earlier.get(str(planned.key))) for planned in plan)
    kept: list[PlannedImage] = []
    rest: list[PlannedImage] = []
    with contextlib.closing(ahead(lambda pair: holds(*pair), pairs, workers=workers, depth=4 * workers)) as answers:
        for planned, does in zip(plan, answers, strict=True):
            (kept if does else rest).append(planned)
    rest.sort(key=lambda planned: has_failed(earlier.get(str(planned.key))))
    return kept, rest


def _with_theirs(rest: Sequence[PlannedImage], unnamed: Sequence[Unnamed]) -> list[PlannedImage]:
    """Images that must be done, which know of the files at their places that no line names."""
    theirs: dict[str, dict[Path, os.stat_result]] = {}
    for found in unnamed:
        theirs.setdefault(str(found.planned.key), {})[found.path] = found.status
    return [replace(planned, theirs=theirs.get(str(planned.key), {})) for planned in rest]


def _holds(out: Path, planned: PlannedImage, line: Line | None, recipe: str, cuts: Callable[[int, int], bool]) -> bool:
    if line is None or line["status"] != "done" or line["recipe"] != recipe:
        return False
    if is_cut_otherwise(line, cuts):
        return False
    made = {kind: (out / path, digest) for kind, (path, digest) in outputs_of(line).items()}
    return (
        {kind: path for kind, (path, _) in made.items()} == planned.outputs
        and all(digest_file(path) == digest for path, digest in made.values())
        and (line.get("frame"), line.get("page")) == (planned.frame, planned.page)
        and (digest_file if planned.part is None else digest_shared)(planned.source) == source_of(line)
    )


def is_forgotten(line: Line, *, keep: bool, is_gone: Callable[[Line], bool]) -> bool:
    """Whether no book needs to speak any more of an image that the next run is not asked for."""
    has_files = bool(outputs_of(line))
    is_none = line["status"] != "done" and not has_files
    if is_none and not keep and (not has_failed(line) or not is_there(input_of(line))):
        return True  # nothing has ever been made of it, and what was asked for then is replaced
    return (line["status"] == "failed" or not has_files or not keep) and is_gone(line)
