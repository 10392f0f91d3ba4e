"""`hypseg merge`: what shards have left in a folder, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.errors import PlanError


def merge(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What shards wrote into, by --shard.")],
) -> None:
    """Make one evaluation of its shards, byte for byte what one process would have made; else exit with 3.

    Needs neither images nor checkpoint, nor the options: the shards know them, and the bounds that scores must keep.
    """
    from hypsegcli.cli.evaluation.merge import merge_evaluation

    code = merge_evaluation(folder)
    if code is None:
        raise PlanError(
            f"{folder}: holds no shards, or they are merged already; evaluate with --shard 0/N --out {folder}, and so "
            "on up to the last"
        )
    raise typer.Exit(code)
