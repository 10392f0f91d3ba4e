"""A folder that one process at a time writes into."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.atomic import make_folder

LOCK = ".hypseg.lock"


@contextlib.contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Hold a folder, which is made where it is not there, for as long as the block runs.

    The operating system holds the lock, on the file `.hypseg.lock` in the folder, and gives it up however this process
    ends; the file, which tells who holds it, goes at the end. Raises PlanError where another process holds it. Where
    the system has no such locks (Windows), nothing is held.
    """
    make_folder(folder)
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = folder / LOCK
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                raise PlanError(
                    f"{folder}: another run is writing here ({_holder(path)}); wait for its end, or choose another "
                    f"{setting('out')}"
                ) from None
        # Whoever held it before may have removed the file between its opening and its locking.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()
    with file:
        file.truncate(0)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        json.dump({"command": command, "pid": os.getpid(), "host": socket.gethostname(), "since": since}, file)
        file.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return f"hypseg {who['command']}, process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "which, it does not say"
