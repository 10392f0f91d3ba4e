"""Of several processes that do the same, one says what all would say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from hypsegcli.cli.exit_codes import INTERRUPTED, NOTHING_DONE, code_of_error
from hypsegcli.errors import HypsegError
from hypsegcli.training.launched import LostError, Place, ToldError


@contextmanager
def heard_once(place: Place) -> Iterator[None]:
    """Leave the command without a word where another process says what ends the block.

    The first of all says what they have told each other, and that they were interrupted; the first of a machine what
    they find before they have met; each, that others are gone.
    """
    if place.is_first:
        yield
        return
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except LostError:
        raise
    except ToldError as error:
        cause = error.__cause__
        raise typer.Exit(code_of_error(cause) if isinstance(cause, HypsegError) else NOTHING_DONE) from None
    except HypsegError as error:
        if place.local == 0:
            raise
        raise typer.Exit(code_of_error(error)) from None
