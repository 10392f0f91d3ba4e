"""The checkpoint that a command is given: a path, the name of a bundled model, or an address, which is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.checkpoint.bundled import DEFAULT, CheckpointFile, find_checkpoint
from hypsegcli.cli.console import say_nothing, talk

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header


def open_named(given: str | None, *, quiet: bool, bundled: str = DEFAULT) -> CheckpointFile:
    """Its file, and where that was fetched from; `quiet` says nothing of what takes long.

    Raises CheckpointError and UsageError as `find_checkpoint` does.
    """
    from hypsegcli.cli.show.transfer import showing_transfer

    with showing_transfer(quiet=quiet) as advance:
        return find_checkpoint(given, bundled=bundled, tell=say_nothing if quiet else talk, advance=advance)


def read_named(given: str | None, *, quiet: bool) -> tuple[CheckpointFile, Header]:
    """The same, and what its header says."""
    from hypsegcli.checkpoint.read_header import read_header

    named = open_named(given, quiet=quiet)
    return named, read_header(named.path)
