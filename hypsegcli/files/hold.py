"""That a folder is held, as whoever holds it knows it, and whoever works for that one."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.errors import HypsegError, setting

if TYPE_CHECKING:
    from hypsegcli.files.stores.claim import Claim

LOCK = ".hypseg.lock"  # the file, or object, by which a folder is held


@dataclass(frozen=True)
class Hold:
    """A folder that this process holds, or a shard's part in it."""

    folder: Path
    descriptor: int | None = None  # of the lock, where there is one
    name: str = LOCK  # of its file
    claim: Claim | None = None  # in a store

    def check(self) -> None:
        """HypsegError where the folder at its path is not the one that is held, or its lock has been removed."""
        if self.claim is not None:
            self.claim.check()
        if self.descriptor is not None and not is_at(self.folder / self.name, self.descriptor):
            raise _lost(self.folder / self.name)

    def since(self) -> float:
        """When it began, in seconds since 1970, by the clock of the file system where there is a lock, else by ours."""
        return time.time() if self.descriptor is None else os.fstat(self.descriptor).st_mtime

    def witness(self) -> Witness:
        """For processes that work for this one."""
        signature = None if self.descriptor is None else _signature(self.folder / self.name)
        return Witness(self.folder, signature, self.name)


@dataclass(frozen=True)
class Witness:
    """A folder that another process holds, perhaps of another machine, as one that works for it knows it."""

    folder: Path
    signature: bytes | None  # who holds it; None where nobody can
    name: str = LOCK  # of its file

    def check(self) -> None:
        """HypsegError where it is held by another by now, or by nobody."""
        if self.signature is not None and _signature(self.folder / self.name) != self.signature:
            raise _lost(self.folder / self.name)


def _signature(lock: Path) -> bytes:
    try:
        return lock.read_bytes()
    except OSError:
        return b""


def _lost(lock: Path) -> HypsegError:
    return HypsegError(
        f"{lock.parent}: is no longer the folder that this run began in, or somebody has removed its {lock.name}; the "
        f"run has ended, since another may write here: put the folder back, and go on with {setting('resume')}"
    )


def is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False
