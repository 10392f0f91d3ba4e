"""Files and folders that a living process holds; the operating system lets go of them however the process ends."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def holding(file: BinaryIO) -> Iterator[None]:
    """Hold an open file for as long as the block runs, even where the file is closed in it. Windows holds nothing."""
    try:
        import fcntl  # noqa: F401
    except ImportError:  # a file that is open cannot be renamed there
        yield
        return
    with _holding(os.dup(file.fileno())):
        yield


@contextlib.contextmanager
def holding_folder(folder: Path) -> Iterator[None]:
    """Hold a folder for as long as the block runs, whatever it is called by then. Windows holds nothing."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        yield
        return
    with _holding(opened):
        yield


@contextlib.contextmanager
def in_turn(folder: Path, *, patience: float) -> Iterator[None]:
    """Run the block while no other process runs one in its turn; after `patience` seconds, all the same.

    Where there are no locks, and no such folder, nobody waits.
    """
    try:
        import fcntl

        opened = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    break
                time.sleep(0.1)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(opened)


@contextlib.contextmanager
def _holding(descriptor: int) -> Iterator[None]:
    try:
        with contextlib.suppress(ImportError, OSError):  # Windows, and file systems without locks
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a process holds a file or a folder; also where nobody can tell."""
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (ImportError, OSError):
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
