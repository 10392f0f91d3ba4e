"""What is true whenever a training writes: its folder is its own still, and a disk that is full gets a sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hypsegcli.errors import DataError, setting
from hypsegcli.files.hold import Hold


@contextlib.contextmanager
def saving(hold: Hold, epoch: int | None = None, *, first: bool = False) -> Iterator[None]:
    """Look whether the run's folder is still its own, and say of a disk that is full, or gone, what is left.

    Without an `epoch` it is the calibration that is written; before the `first` state nothing is there that would tell
    what the command was.
    """
    hold.check()
    try:
        yield
    except OSError as error:
        what = "the calibration" if epoch is None else f"epoch {epoch}"
        rest = (
            f"mend that, and give the same command with {setting('resume')}"
            if first
            else f"what was saved before is whole: mend that, and go on with {setting('resume')}"
        )
        raise DataError(f"{hold.folder}: {what} cannot be saved ({error.strerror or error}); {rest}") from error
