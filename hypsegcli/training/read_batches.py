"""The batches of an epoch, and what goes wrong in the processes that read them, as sentences."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator, Iterator
from types import FrameType
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset, default_collate

from hypsegcli.errors import DataError, HypsegError, setting
from hypsegcli.training.dataset import Draw

Item = TypeVar("Item")  # of an epoch, a named tuple of tensors

# How torch says it: where a batch finds no room, and where a process was killed for touching what had none.
_NO_ROOM = ("shared memory", "shm", "bus error")
_FELL = "dataloader worker"
_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Reading(Dataset["Item | HypsegError"], Generic[Item]):
    """Items of a set, such as crops, for a loader, whose errors are items too.

    torch passes on the text of what another process raised: settings in it would be spelled already, and an ImageError
    would have no code.
    """

    def __init__(self, items: Dataset[Item]) -> None:
        self.items = items

    def __getitem__(self, draw: Draw) -> Item | HypsegError:
        try:
            return self.items[draw]
        except HypsegError as error:
            return error


def collate(items: list[Item | HypsegError]) -> Item | HypsegError:
    """A batch, or the first error in it."""
    for item in items:
        if isinstance(item, HypsegError):
            return item
    batch: Item = default_collate(items)
    return batch


def batches(loader: DataLoader[Item | HypsegError]) -> Generator[Item, None, None]:
    """The batches of an epoch, of a loader of `Reading` with `collate`.

    Raises DataError where the shared memory through which other processes pass batches is too small, or where one of
    them was killed; errors about an image or mask as they were raised, in whichever process.
    """
    reading: Iterator[Item | HypsegError] | None = None
    try:
        with _unstopped():
            reading = iter(loader)  # starts the processes
        for batch in reading:
            if isinstance(batch, HypsegError):
                raise batch
            yield batch
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
    finally:
        reading = None  # which ends the processes; the frames of an error would keep them, and wait for them at the end


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
