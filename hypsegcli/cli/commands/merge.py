"""`hypseg merge`: what shards have left in a folder, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What shards of a run wrote into, by --shard.")],
) -> None:
    """Make one run of its shards: books, ranking and report as one process would have left them; else exit with 3."""
    from hypsegcli.cli.evaluation.merge import merge_evaluation
    from hypsegcli.files.place import StorePath, locate

    place = locate(folder)
    code = None if isinstance(place, StorePath) else merge_evaluation(place)
    if code is None:
        from hypsegcli.cli.show.merged import show_merged
        from hypsegcli.run.merge import merge as merge_run

        code = show_merged(merge_run(place), place)
    raise typer.Exit(code)
