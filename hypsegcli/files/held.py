"""Files that a living process holds; the operating system lets go of them however the process ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def holding(file: BinaryIO) -> Iterator[None]:
    """Hold an open file for as long as the block runs, even where the file is closed in it. Windows holds nothing."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    kept = os.dup(file.fileno())
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(kept)


def is_held(path: Path) -> bool:
    """Whether a process holds a file; also where nobody can tell."""
    try:
        import fcntl

        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return True
    return False
