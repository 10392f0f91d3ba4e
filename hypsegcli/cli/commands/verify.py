"""`hypseg verify`: whether the folder of a run is complete and untouched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.cli.console import error, say, say_text
from hypsegcli.cli.exit_codes import DONE, PARTLY_DONE
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.run.verify import Verified


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What predict or uncertainty wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="What was found, as JSON.")] = False,
) -> None:
    """Prove that a run's folder holds all that its manifest says, byte for byte, and nothing else; else exit with 3.

    Photographs are compared too; those that are not found are counted, and are no fault.
    """
    from hypsegcli.files.place import locate
    from hypsegcli.run.verify import verify as look

    place = locate(folder)  # of an address, as it was given
    found = look(place)
    if as_json:
        import json

        say_text(json.dumps(asdict(found) | {"is_whole": found.is_whole}, indent=2))
        raise typer.Exit(DONE if found.is_whole else PARTLY_DONE)
    _list(found)
    if found.shards:
        error(f"{place}: the run is in {count_of(found.shards, 'shard')}; hypseg merge makes one of them")
    elif found.status != "finished":
        error(f"{place}: the run is {found.status}; the same command with --resume goes on")
    summary = f"{count_of(found.images, 'image')}, {count_of(found.files, 'file')} as they were written"
    if found.is_whole:
        say(f"{summary}, nothing missing, changed or foreign")
    else:
        error(f"{place}: {summary}; not whole")
    raise typer.Exit(DONE if found.is_whole else PARTLY_DONE)


def _list(found: Verified) -> None:
    """What is to be seen to, a line each."""
    for word in ("missing", "changed", "foreign"):
        for name in getattr(found, word):
            say(f"{word}: {name}")
    for name in found.shared:
        say(f"of several images: {name}")
    for name in found.changed_inputs:
        say(f"changed photograph: {name}")
    for key, reason in found.failed.items():
        say(f"failed: {key}: {reason}")
    if found.lacking:
        say(f"still to be done: {count_of(found.lacking, 'image')}")
    if found.unreached_inputs:
        say(f"out of reach, and not compared: {count_of(len(found.unreached_inputs), 'photograph')}")
    if found.recipes > 1:
        say(f"made by {found.recipes} recipes, of other checkpoints or options")
