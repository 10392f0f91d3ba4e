"""What an earlier run has left in a folder, and what becomes of it.

A run that resumes another believes a manifest line if the image was done by the same recipe (checkpoint and options
that decide the pixels), and if the input and all outputs still hold, byte for byte, what the line says.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.files.words import count_of
from hypsegcli.run.difference import differences
from hypsegcli.run.left_over import find_left_over
from hypsegcli.run.manifest import (
    Line,
    input_of,
    outputs_of,
    placed,
    read_manifest,
    read_run,
    source_of,
    without_result,
)
from hypsegcli.run.plan import PlannedImage


class Earlier(NamedTuple):
    """An earlier run, as the next one sees it."""

    rest: list[PlannedImage]  # images that must be done
    kept: dict[str, Line]  # by key, lines of planned images that hold
    others: Sequence[Line]  # of images that the next run is not asked for
    stale: Sequence[Line]  # of images that are done again
    dropped: Sequence[Line]  # of images that are gone
    left_over: Mapping[Path, Digest]  # files that are not made again, as the books have them
    remarks: Sequence[str]  # sentences on what becomes of it


NOTHING = Earlier(rest=[], kept={}, others=(), stale=(), dropped=(), left_over={}, remarks=())


def look_back(
    out: Path, plan: Sequence[PlannedImage], *, recipe: str, description: Mapping[str, Any], keep: bool
) -> Earlier:
    """What a run's folder holds for the next run; with `keep` lines of its images remain where they hold.

    To know that, every input and output that they speak of is read. Images that are not in the plan stay as they are;
    without `keep` they are dropped where the photograph is no longer in its folder. `recipe` and `description` are the
    next run's, as run.json has them.
    """
    earlier = read_manifest(out)
    planned_keys = {str(planned.key) for planned in plan}
    elsewhere = [line for key, line in earlier.items() if key not in planned_keys]
    dropped = [
        without_result(line, "dropped")
        for line in elsewhere
        if outputs_of(line) and (line["status"] == "dropped" or (not keep and _is_gone(line)))
    ]
    owned = {path for planned in plan for path in planned.outputs.values()}
    others = [
        line
        for line in elsewhere
        if line["status"] != "dropped"
        and not (_is_gone(line) and (line["status"] == "failed" or not keep))
        # No run writes such a line, but somebody may have edited it.
        and not any(out / path in owned for path, _ in outputs_of(line).values())
    ]
    pairs = [(planned, earlier.get(str(planned.key))) for planned in plan]
    workers = default_workers() if keep else 0
    kept: dict[str, Line] = {}
    rest = []
    with contextlib.closing(
        ahead(lambda pair: keep and _holds(out, *pair, recipe), pairs, workers=workers, depth=4 * workers)
    ) as answers:
        for (planned, line), holds in zip(pairs, answers, strict=True):
            if line is not None and holds:
                kept[line["key"]] = placed(line, planned.source)
            else:
                rest.append(planned)
    before = [line for line in (earlier.get(str(planned.key)) for planned in rest) if line is not None]
    if keep:
        redone = [line for line in before if line["status"] == "done"]
        remarks = _say_redone(out, redone, of=len(plan), recipe=recipe, description=description)
    else:
        remarks = _say_replaced(dropped, others)
    left_over = find_left_over(out, rest, earlier=earlier, dropped=dropped, kept=(*kept.values(), *others))
    stale = [without_result(line, "stale") for line in before if outputs_of(line)]
    return Earlier(rest, kept, others, stale, dropped, left_over.files, [*remarks, *left_over.remarks()])


def _holds(out: Path, planned: PlannedImage, line: Line | None, recipe: str) -> bool:
    if line is None or line["status"] != "done" or line["recipe"] != recipe:
        return False
    made = {kind: (out / path, digest) for kind, (path, digest) in outputs_of(line).items()}
    return (
        {kind: path for kind, (path, _) in made.items()} == planned.outputs
        and all(digest_file(path) == digest for path, digest in made.values())
        and digest_file(planned.source) == source_of(line)
    )


def _say_replaced(dropped: Sequence[Line], others: Sequence[Line]) -> list[str]:
    """What becomes of images that an earlier run has done and this one is not asked for, a sentence each."""
    sentences = []
    if gone := len(dropped):
        are, their = ("is", "its") if gone == 1 else ("are", "their")
        sentences.append(f"{count_of(gone, 'image')} of an earlier run {are} gone; {their} maps are removed")
    if stay := sum(line["status"] == "done" for line in others):
        are, verb = ("is", "stays") if stay == 1 else ("are", "stay")
        sentences.append(
            f"{count_of(stay, 'image')} of an earlier run {are} not among these and {verb}, made as it was then"
        )
    return sentences


def _say_redone(out: Path, lines: Sequence[Line], *, of: int, recipe: str, description: Mapping[str, Any]) -> list[str]:
    """Why images that an earlier run has done are done again, a sentence a reason."""
    otherwise = [line for line in lines if line["recipe"] != recipe]
    changed = len(lines) - len(otherwise)
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
    if changed:
        sentences.append(f"{changed} of {count_of(of, 'image')} to be done again, changed since, or their maps")
    return sentences


def _is_gone(line: Line) -> bool:
    """Whether it is of an image that is no longer in its folder.

    That holds something else: one that is empty, or not there at all, may be of a disk that is not mounted.
    """
    path = input_of(line)
    try:
        with os.scandir(path.parent) as entries:
            is_empty = next(entries, None) is None
    except (OSError, ValueError):
        return False
    return not is_empty and os.access(path.parent, os.X_OK) and not os.path.lexists(path)
