"""`hypseg card`: the model card that a hub of models wants, from a checkpoint's header alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import say, say_text
from hypsegcli.cli.options.running import OUTPUT, Overwrite, Quiet


def card(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAME|URL",
            help="A .safetensors checkpoint, the name of a bundled one, or an address: hf://OWNER/NAME, "
            "https://...#sha256=...",
            show_default=False,
            autocompletion=complete.models,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The file to write; a hub shows README.md.",
            show_default="standard output",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the model is called.", show_default="as its file, without the ending"),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write the model card of a checkpoint, as a hub of models shows it: use, classes, scores, limits, origin."""
    import os

    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.cli.card.card import write_card
    from hypsegcli.cli.checkpoint_in import open_named
    from hypsegcli.files.atomic import already_there, refuse_unwritable, write_atomically
    from hypsegcli.files.books import refuse_in_a_run

    if out is not None:
        refuse_in_a_run(out, "a model card")
        if os.path.lexists(out) and not overwrite:
            raise already_there(out)
        refuse_unwritable(out.parent)
    path, source = open_named(checkpoint, quiet=quiet)
    address = checkpoint if source.startswith("hf:") else source  # a branch stays one, since a card lies beside it
    text = write_card(read_header(path), name or path.stem, address=address, megabytes=path.stat().st_size / 1e6)
    if out is None:
        say_text(text.rstrip())
        return
    write_atomically(out, text.encode("utf-8", "backslashreplace"), replace=overwrite)
    say(f"wrote {out}")
