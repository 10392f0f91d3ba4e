"""`hypseg merge`: what shards have left in a folder, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.running import Overwrite, Quiet
from hypsegcli.errors import PlanError


@spread
def merge(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where shards of one command have left their parts.")],
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Make one evaluation of its shards, byte for byte what one process would have made; exit with 3 if one is missing.

    Needs neither images nor checkpoint, nor the options: the shards know them, and the bounds that scores must keep.
    """
    from hypsegcli.cli.evaluation.merge import merge_evaluation

    code = merge_evaluation(folder, overwrite=overwrite, quiet=quiet)
    if code is None:
        raise PlanError(
            f"{folder}: holds no shards, or they are merged already; evaluate with --shard 0/N --out {folder}, and so "
            "on up to the last"
        )
    raise typer.Exit(code)
