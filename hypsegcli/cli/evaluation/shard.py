"""`hypseg evaluate --shard`: a part of the images, whose sums go into a file that `hypseg merge` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.cli.console import say
from hypsegcli.errors import UsageError
from hypsegcli.files.shard import Shard, parse_shard
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.report.asked import Asked
    from hypsegcli.report.part import Part
    from hypsegcli.report.plan import Plan
    from hypsegcli.truth.pairs import Pair


def parse_part(text: str | None, out: Path | None) -> Shard | None:
    """`--shard`, where it is there; UsageError unless it has a folder for its part."""
    if text is None:
        return None
    shard = parse_shard(text)
    if out is None:
        raise UsageError(
            f"--shard {text}: leaves its part for hypseg merge; name the folder that all shards share with --out DIR"
        )
    return shard


@contextmanager
def holding_shard(
    shard: Shard | None, out: Path | None, asked: Asked, pairs: Sequence[Pair], *, overwrite: bool
) -> Iterator[Plan]:
    """Keep out whoever does the same shard, as long as the block runs, which is given the plan of all images.

    Raises PlanError where another process does it, and for what would never merge with the files that are there.
    """
    from hypsegcli.report.plan import plan_of

    plan = plan_of(pairs)
    if out is None or shard is None:
        yield plan
        return
    from hypsegcli.files.lock import locked
    from hypsegcli.report.shard_file import refuse_too_large
    from hypsegcli.report.shards import refuse_other_shards, remove_other_shards

    refuse_too_large(asked)
    with locked(out, f"evaluate --shard {shard}", shard):
        if overwrite:
            remove_other_shards(out, shard)
        else:
            refuse_other_shards(out, shard, plan, asked.recipe())
        yield plan


def leave_part(part: Part, out: Path, shard: Shard, plan: Plan, *, overwrite: bool) -> None:
    """Write the shard's file, and say so."""
    from hypsegcli.report.files import write_part

    path = write_part(out, part, shard, plan, replace=overwrite)
    say(f"{len(part.rows)} of {count_of(plan.images, 'image')}: {path.name} in {out}, for hypseg merge")
