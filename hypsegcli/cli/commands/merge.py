"""`hypseg merge`: one run of the shards of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What shards of a run wrote into, by --shard.")],
) -> None:
    """Make one run of its shards: books, ranking and report as one process would have left them; else exit with 3."""
    from hypsegcli.cli.show.merged import show_merged
    from hypsegcli.run.merge import merge as merge_run

    raise typer.Exit(show_merged(merge_run(folder), folder))
