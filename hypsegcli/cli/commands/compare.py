"""`hypseg compare`: which of two sides is better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.cli.console import say_text
from hypsegcli.cli.groups import spread
from hypsegcli.errors import UsageError
from hypsegcli.files.place import refuse_address


@spread
def compare(
    *,
    first: Annotated[
        str,
        typer.Argument(metavar="A", help="report.json, or its folder; several, of other seeds: A1,A2,A3."),
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The same of the other side.")],
    every: Annotated[
        bool, typer.Option("--all", help="Also scores without intervals, and those of single classes.")
    ] = False,
    at_least: Annotated[
        float,
        typer.Option(
            metavar="X", min=0, help="The smallest difference that matters: less is no better, and may be the same."
        ),
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON, not rounded.")] = False,
) -> None:
    """Tell whether B is better than A on the same images: differences with paired 95 % intervals."""
    from hypsegcli.cli.show.comparison import print_comparison
    from hypsegcli.report.compare import compare_reports

    comparison = compare_reports(_sides(first), _sides(second), at_least=at_least, single_classes=every)
    if as_json:
        import json

        rows = [difference._asdict() for difference in comparison.differences]
        sides = {"first": comparison.first._asdict(), "second": comparison.second._asdict()}
        say_text(json.dumps(comparison._asdict() | sides | {"differences": rows}, indent=2))
    else:
        print_comparison(comparison, every=every)


def _sides(text: str) -> list[Path]:
    """One path, or several with commas between; a path that has commas itself is one."""
    if Path(text).exists():
        return [Path(text)]
    names = text.split(",")
    if not all(names):
        raise UsageError(f"{text}: expected a report.json or its folder, or several with commas between them")
    paths = [Path(name) for name in names]
    for path in paths:
        refuse_address(path)
    return paths
