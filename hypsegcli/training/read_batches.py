"""The batches of an epoch, and what goes wrong in the processes that read them, as sentences."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from torch.utils.data import DataLoader

from hypsegcli.errors import DataError, HypsegError, setting
from hypsegcli.training.dataset import Crop

# How torch says it: where a batch finds no room, and where a process was killed for touching what had none.
_NO_ROOM = ("shared memory", "shm", "bus error")
_FELL = "dataloader worker"
_STOPPING = (signal.SIGINT, signal.SIGTERM)


def batches(loader: DataLoader[Crop]) -> Iterator[Crop]:
    """The batches of an epoch.

    Raises DataError where the shared memory through which other processes pass batches is too small, or where one of
    them was killed; errors about an image or mask as they are without such processes.
    """
    try:
        with _unstopped():
            reading = iter(loader)  # starts the processes
        yield from reading
    except HypsegError as error:
        # From another process its text begins with where it was raised there, and ends in `module.Kind: sentence`.
        *above, last = error.message.rstrip().split("\n")
        raise type(error)(last.partition(": ")[2] if above else last) from error
    except (RuntimeError, OSError) as error:
        text = str(error).lower()
        if any(sign in text for sign in _NO_ROOM):
            raise DataError(
                "the shared memory (/dev/shm) is too small for the batches that reading processes pass on; read in "
                f"this process with {setting('workers', 0)}, lower {setting('batch_size')}, or give a container more, "
                f"such as docker run {setting('shm_size', '2g')}"
            ) from error
        if _FELL in text:
            raise DataError(
                "a process that reads images was killed, most likely for want of memory; read in fewer with "
                f"{setting('workers', 1)}, or in this one with {setting('workers', 0)}, and go on with "
                f"{setting('resume')}"
            ) from error
        raise


def leave_stopping_to_training(_worker: int) -> None:
    """In a process that reads: what a terminal or a batch system tells a whole group, stops the training alone.

    That ends those that read for it; one that has not ended when it is told again, ends at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_the_next_time)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)


def _end_the_next_time(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _unstopped() -> Iterator[None]:
    """Processes that start in the block hear of nothing before they are ready; this one hears of it after the block."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
