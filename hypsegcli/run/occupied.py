"""A run into a folder that holds something already: what it may replace, refused as a whole where it may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.books import MANIFEST, RUN, Books
from hypsegcli.files.place import looking_ahead
from hypsegcli.files.shard import Shard
from hypsegcli.files.words import count_of
from hypsegcli.images.discover import Inputs
from hypsegcli.run.accounts import read_manifest, read_run, shards_of
from hypsegcli.run.manifest import Line, is_given_up, outputs_of
from hypsegcli.run.namesakes import find_namesakes
from hypsegcli.run.plan import PlannedImage, Share, occupied, plan_outputs
from hypsegcli.run.unnamed import find_unnamed, is_somebody_s


def plan_run(
    inputs: Inputs,
    out: Path,
    suffixes: Mapping[str, str],
    *,
    further: Sequence[str] = (),
    overwrite: bool = False,
    resume: bool = False,
    shard: Shard | None = None,
) -> Share:
    """Plan a run that keeps its books in `out` and writes the files `further` there, as `plan_outputs` does.

    A shard plans the whole run as well, so that every one of them refuses what one run would, and has its share of it.
    Raises PlanError too where targets are there already, unless they are to be overwritten or an earlier run's to be
    resumed; and where that one's are of other pictures, or some are nobody's.
    """
    extra = [out / name for name in (RUN, MANIFEST, *further)]
    with looking_ahead():
        share = Share.of(plan_outputs(inputs, out, suffixes, extra=extra), shard)
        refuse_occupied(share, out, further=further, overwrite=overwrite, resume=resume)
    return share


def refuse_occupied(
    share: Share,
    out: Path,
    *,
    further: Sequence[str] = (),
    overwrite: bool = False,
    resume: bool = False,
) -> None:
    """PlanError where targets of a run are there already, unless they may be; see `plan_run`.

    Whoever holds the folder asks again: until then, another run may have begun and ended in it.
    """
    with looking_ahead():
        _refuse_occupied(share, out, further=further, overwrite=overwrite, resume=resume)


def _refuse_occupied(share: Share, out: Path, *, further: Sequence[str], overwrite: bool, resume: bool) -> None:
    plan, books = share.images, [Books(out, shard) for shard in shards_of(out)]
    # Beside a shard, others write their books, and of the whole run there are none until they are merged.
    runs = [each.run for each in books if share.shard is None or each.shard is None]
    taken = occupied(plan, runs + [out / name for name in (MANIFEST, *further)])
    if resume and taken and not any(each.manifest.is_file() for each in books):
        raise PlanError(
            f"{out}: holds files such as {taken[0].name}, but no {MANIFEST} of an earlier run to resume; "
            f"choose another {setting('out')}, or replace them with {setting('overwrite')}"
        )
    if overwrite:
        return
    run = read_run(out)  # first: of what a run that is on now writes in between, it has been said there
    earlier = read_manifest(out)
    if (taken and resume) or share.shard is not None:
        _refuse_what_is_no_run_s(plan, out, further, run=run, earlier=earlier, resume=resume)
    if lost := _maps_of_other_kinds(plan, out, earlier):
        replace = f", or replace that run with {setting('overwrite')}" if share.shard is None else ""
        raise PlanError(
            f"{out}: has {count_of(lost.total(), 'map')} of kinds that this run does not make ({', '.join(lost)}) and "
            f"would lose them; choose another {setting('out')}, have all of them made in one run{replace}"
        )
    if taken and not resume:
        raise PlanError(
            f"{out}: {len(taken)} of the outputs are there already, such as {taken[0]}; continue that run with "
            f"{setting('resume')}, replace it with {setting('overwrite')}, or choose another {setting('out')}"
        )


def _maps_of_other_kinds(plan: Sequence[PlannedImage], out: Path, earlier: Mapping[str, Line]) -> Counter[str]:
    """How many maps of each kind that a plan does not make an earlier run has left of the plan's images.

    Without those that were given up before: a run that was allowed to remove them has not come to it.
    """
    kinds = {kind for planned in plan for kind in planned.outputs}
    keys = {str(planned.key) for planned in plan}
    lost = Counter[str]()
    for key, line in earlier.items():
        if key in keys and line["status"] != "dropped":
            lost.update(
                kind
                for kind, (path, _) in outputs_of(line).items()
                if kind not in kinds and not is_given_up(line, kind) and (out / path).is_file()
            )
    return lost


def _refuse_what_is_no_run_s(
    plan: Sequence[PlannedImage],
    out: Path,
    further: Sequence[str],
    *,
    run: Mapping[str, Any],
    earlier: Mapping[str, Line],
    resume: bool,
) -> None:
    """PlanError where a run that resumes another would replace what that one has not written, or other pictures' maps.

    Or where it would do a picture in the place of one that is still to be done, which would be forgotten.
    """
    unnamed = find_unnamed(out, plan if resume else (), run=run, earlier=earlier)
    theirs = [found.path for found in unnamed if found.owner == "somebody"]
    if theirs := [*theirs, *(out / name for name in further if is_somebody_s(out, name, run))]:
        lie, them = ("lies", "it") if len(theirs) == 1 else ("lie", "them")
        raise PlanError(
            f"{out}: {count_of(len(theirs), 'file')} that no run has written {lie} at the places of outputs, such as "
            f"{theirs[0]}; put {them} elsewhere, choose another {setting('out')}, or have {them} replaced, and all "
            f"images done again, with {setting('overwrite')}"
        )
    if other := next(find_namesakes(plan, run=run, earlier=earlier), None):
        if other.is_done:
            raise PlanError(
                f"{out}: has the maps of {other.old}, which is there still, and those of {other.new} would replace "
                f"them; choose another {setting('out')}, or replace that run with {setting('overwrite')}"
            )
        raise PlanError(
            f"{out}: is still to have the maps of {other.old}, which is there still, and those of {other.new} would "
            f"come in their place; choose another {setting('out')}, take the former out of its folder, or replace "
            f"that run with {setting('overwrite')}"
        )
