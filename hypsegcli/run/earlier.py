"""What an earlier run has left in a folder, and what becomes of it.

A run that resumes another believes a manifest line if the image was done by the same recipe (checkpoint and options
that decide the pixels), whole or in windows as it would be now, and if the input and all outputs still hold, byte for
byte, what the line says.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.errors import setting
from hypsegcli.files.books import RANKING
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.place import is_gone_from
from hypsegcli.files.regular import is_there
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.difference import differences
from hypsegcli.run.etags import note_etags
from hypsegcli.run.left_over import find_left_over
from hypsegcli.run.manifest import (
    Line,
    has_failed,
    input_of,
    outputs_of,
    placed,
    read_manifest,
    read_run,
    source_of,
    to_be_made,
    without_going,
    without_result,
)
from hypsegcli.run.namesakes import Namesake, find_namesakes
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.ranking_csv import ranking_that_is_owed, ranking_that_stays, say_of_ranking
from hypsegcli.run.unnamed import Unnamed, find_unnamed

_LISTED = 3  # images


class Earlier(NamedTuple):
    """An earlier run, as the next one sees it."""

    rest: list[PlannedImage]  # images that must be done, those that failed before last
    kept: dict[str, Line]  # by key, lines of planned images that hold
    others: Sequence[Line]  # of images that the next run is not asked for
    stale: Sequence[Line]  # of images that are done again
    dropped: Sequence[Line]  # of images that are gone
    whole: Mapping[str, Digest]  # files of the whole run that stay, by name, as the books have them
    owed: Sequence[str]  # files of the whole run that an earlier one was to make, and this one does not
    left_over: Mapping[Path, Digest]  # files that are not made again, likewise
    remarks: Sequence[str]  # sentences on what becomes of it


NOTHING = Earlier(rest=[], kept={}, others=(), stale=(), dropped=(), whole={}, owed=(), left_over={}, remarks=())


def look_back(
    out: Path,
    plan: Sequence[PlannedImage],
    *,
    recipe: str,
    description: Mapping[str, Any],
    cuts: Callable[[int, int], bool],
    further: Collection[str],
    keep: bool,
) -> Earlier:
    """What a run's folder holds for the next run; with `keep` lines of its images remain where they hold.

    To know that, every input and output that they speak of is read. Images that are not in the plan stay as they are;
    without `keep` they are dropped where the photograph is no longer in its folder. `recipe` and `description` are the
    next run's, as run.json has them; `cuts` says of a height and a width whether it takes such an image in windows;
    `further` are the files of the whole run that it makes.
    """
    earlier = read_manifest(out)
    note_etags(out, earlier.values())
    planned_keys = {str(planned.key) for planned in plan}
    elsewhere = [line for key, line in earlier.items() if key not in planned_keys]
    dropped = [
        without_result(line, "dropped")
        for line in elsewhere
        if outputs_of(line) and (line["status"] == "dropped" or (not keep and is_gone_from(input_of(line))))
    ]
    owned = {path for planned in plan for path in planned.outputs.values()}
    others = [
        line
        for line in elsewhere
        if line["status"] != "dropped"
        and not _is_forgotten(line, keep=keep)
        # No run writes such a line, but somebody may have edited it.
        and not any(out / path in owned for path, _ in outputs_of(line).values())
    ]
    pairs = [(planned, earlier.get(str(planned.key))) for planned in plan]
    workers = default_workers() if keep else 0
    kept: dict[str, Line] = {}
    rest = []
    with contextlib.closing(
        ahead(lambda pair: keep and _holds(out, *pair, recipe, cuts), pairs, workers=workers, depth=4 * workers)
    ) as answers:
        for (planned, line), holds in zip(pairs, answers, strict=True):
            if line is not None and holds:
                kept[line["key"]] = without_going(placed(line, planned.source))
            else:
                rest.append(planned)
    # Else a run that may fail only so often would never come to the others.
    rest.sort(key=lambda planned: has_failed(earlier.get(str(planned.key))))
    before = [(planned, line) for planned in rest if (line := earlier.get(str(planned.key))) is not None]
    run, is_made = read_run(out), RANKING in further
    if keep:
        redone = [line for _, line in before if line["status"] == "done"]
        remarks = _say_redone(out, redone, of=len(plan), recipe=recipe, description=description, cuts=cuts)
        if begun := sum(line["status"] == "stale" and bool(outputs_of(line)) for _, line in before):
            remarks.append(
                f"{begun} of {count_of(len(plan), 'image')} to be done again, as a run was to that was cut short"
            )
    else:
        remarks = _say_replaced(dropped, others, list(find_namesakes(plan, run=run, earlier=earlier)))
    stale = [
        to_be_made(placed(line, planned.source), planned.outputs)
        for planned, line in before
        if outputs_of(line) or has_failed(line)
    ]
    whole = {} if is_made else ranking_that_stays(out, run, going=(*stale, *dropped), others=others)
    owed = [] if is_made or whole else ranking_that_is_owed(run, going=(*stale, *dropped), others=others)
    if owed:
        remarks.append(
            f"{out / RANKING} is still to be written, which an earlier run was stopped before; run uncertainty with "
            f"{setting('resume')}"
        )
    if not whole:
        made_by = recipe if is_made else None
        remarks += say_of_ranking(out, run, plan=plan, others=others, recipe=made_by, keep=keep)
    unnamed = list(find_unnamed(out, rest, run=run, earlier=earlier))
    left_over = find_left_over(
        out, rest, earlier=earlier, dropped=dropped, kept=(*kept.values(), *others), whole=whole, unnamed=unnamed
    )
    remarks += left_over.remarks()
    staying = [found for found in unnamed if found.path not in left_over.files]
    return Earlier(_with_theirs(rest, staying), kept, others, stale, dropped, whole, owed, left_over.files, remarks)


def _with_theirs(rest: Sequence[PlannedImage], unnamed: Sequence[Unnamed]) -> list[PlannedImage]:
    """Images that must be done, which know of the files at their places that no line names."""
    theirs: dict[str, dict[Path, os.stat_result]] = {}
    for found in unnamed:
        theirs.setdefault(str(found.planned.key), {})[found.path] = found.status
    return [replace(planned, theirs=theirs.get(str(planned.key), {})) for planned in rest]


def _holds(out: Path, planned: PlannedImage, line: Line | None, recipe: str, cuts: Callable[[int, int], bool]) -> bool:
    if line is None or line["status"] != "done" or line["recipe"] != recipe:
        return False
    if _is_cut_otherwise(line, cuts):
        return False
    made = {kind: (out / path, digest) for kind, (path, digest) in outputs_of(line).items()}
    return (
        {kind: path for kind, (path, _) in made.items()} == planned.outputs
        and all(digest_file(path) == digest for path, digest in made.values())
        and digest_file(planned.source) == source_of(line)
    )


def _is_cut_otherwise(line: Line, cuts: Callable[[int, int], bool]) -> bool:
    return bool(line.get("windows") is not cuts(line["height"], line["width"]))


def _say_replaced(dropped: Sequence[Line], others: Sequence[Line], namesakes: Sequence[Namesake]) -> list[str]:
    """What becomes of images that an earlier run was asked for and this one is not, a sentence each."""
    sentences = []
    if count := len(namesakes):
        are, give, name = ("is", "gives", "its name") if count == 1 else ("are", "give", "their names")
        names = first_of([f"{one.old} to {one.new}" for one in namesakes], _LISTED)
        sentences.append(
            f"{count_of(count, 'image')} of an earlier run, which {are} there still, {give} way to others of {name}: "
            f"{names}"
        )
    if gone := len(dropped):
        are, their = ("is", "its") if gone == 1 else ("are", "their")
        sentences.append(f"{count_of(gone, 'image')} of an earlier run {are} gone; {their} maps are removed")
    if stay := sum(line["status"] == "done" for line in others):
        are, verb = ("is", "stays") if stay == 1 else ("are", "stay")
        sentences.append(
            f"{count_of(stay, 'image')} of an earlier run {are} not among these and {verb}, made as it was then"
        )
    return sentences


def _say_redone(
    out: Path,
    lines: Sequence[Line],
    *,
    of: int,
    recipe: str,
    description: Mapping[str, Any],
    cuts: Callable[[int, int], bool],
) -> list[str]:
    """Why images that an earlier run has done are done again, a sentence a reason."""
    otherwise = [line for line in lines if line["recipe"] != recipe]
    cut = sum(line["recipe"] == recipe and _is_cut_otherwise(line, cuts) for line in lines)
    changed = len(lines) - len(otherwise) - cut
    sentences = []
    if otherwise:
        before = read_run(out)
        # run.json is that of the last run alone.
        known = all(line["recipe"] == before.get("recipe") for line in otherwise)
        which = "; ".join(differences(before, description)) if known else ""
        sentences.append(
            f"{len(otherwise)} of {count_of(of, 'image')} to be done again, made with other settings"
            + (f": {which}" if which else "")
        )
    if cut:
        sentences.append(
            f"{cut} of {count_of(of, 'image')} to be done again, whole or in windows as memory allows now; a side "
            f"named with {setting('tile')} does not depend on it"
        )
    if changed:
        sentences.append(f"{changed} of {count_of(of, 'image')} to be done again, changed since, or their maps")
    return sentences


def _is_forgotten(line: Line, *, keep: bool) -> bool:
    """Whether no book needs to speak any more of an image that the next run is not asked for."""
    has_files = bool(outputs_of(line))
    is_none = line["status"] != "done" and not has_files
    if is_none and not keep and (not has_failed(line) or not is_there(input_of(line))):
        return True  # nothing has ever been made of it, and what was asked for then is replaced
    return (line["status"] == "failed" or not has_files or not keep) and is_gone_from(input_of(line))
