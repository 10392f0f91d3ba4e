"""`hypseg compare`: which of two evaluations is better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="report.json, or its folder.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same of the other.", show_default=False)],
    every: Annotated[
        bool, typer.Option("--all", help="Also scores without intervals, and those of single classes.")
    ] = False,
) -> None:
    """Tell whether B is better than A on the same images: differences with paired 95 % intervals."""
    from hypsegcli.cli.show.tables import print_comparison
    from hypsegcli.report.compare import compare_reports

    print_comparison(compare_reports(first, second), every=every)
