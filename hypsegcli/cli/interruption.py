"""Ctrl-C in a command: a sentence that says what is saved, and exit code 130. `__main__` makes SIGTERM the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from hypsegcli.cli.console import error
from hypsegcli.cli.exit_codes import INTERRUPTED


@contextmanager
def saying_what_is_saved(sentence: Callable[[], str]) -> Iterator[None]:
    """Where the block is interrupted, leave the command, with what `sentence` says then."""
    try:
        yield
    except KeyboardInterrupt:
        error(f"interrupted; {sentence()}")
        raise typer.Exit(INTERRUPTED) from None
