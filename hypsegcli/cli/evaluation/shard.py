"""`hypseg evaluate --shard`: a part of the images, whose sums go into a file that `hypseg merge` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    shard: Shard | None,
    out: Path | None,
    asked: Asked,
    pairs: Sequence[Pair],
    maps: Mapping[Path, str],
    *,
    overwrite: bool,
) -> Iterator[Callable[[Part], None] | None]:
    """Keep out whoever does the same shard, as long as the block runs; it is given what leaves the shard's part.

    `maps` are those that are scored, each with where it is from. None where all images are one process's. Raises
    PlanError where another one does the shard, and for what would never merge with the files that are there, UsageError
    where it would be larger than is read.
    """
    if shard is None or out is None:
        yield None
        return
    from hypsegcli.files.lock import locked
    from hypsegcli.report.files import write_part
    from hypsegcli.report.plan import plan_of
    from hypsegcli.report.shard_file import refuse_too_large
    from hypsegcli.report.shards import refuse_other_shards, remove_other_shards

    def leave(part: Part) -> None:
        path = write_part(out, part, shard, plan, replace=overwrite)
        say(f"{len(part.rows)} of {count_of(plan.images, 'image')}: {path.name} in {out}, for hypseg merge")

    refuse_too_large(asked)
    plan = plan_of(pairs, maps)
    with locked(out, "evaluate", shard):
        if overwrite:
            remove_other_shards(out, shard)
        else:
            refuse_other_shards(out, shard, plan, asked.recipe())
        yield leave
