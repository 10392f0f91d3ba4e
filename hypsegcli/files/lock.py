"""A folder that one process at a time writes into."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.atomic import make_folder
from hypsegcli.files.hold import LOCK, Hold, is_at
from hypsegcli.files.place import StorePath
from hypsegcli.files.regular import KINDS
from hypsegcli.files.shard import Shard, shard_of

_KNOWS_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}  # some file systems of networks
_OFTEN = 100  # times in a row that a folder may vanish while it is made; then it is something else

_descriptors: set[int] = set()  # of the locks of this process


@contextlib.contextmanager
def locked(folder: Path, command: str, shard: Shard | None = None) -> Iterator[Hold]:
    """Hold a folder, or the part of a shard in it, which is made where it is not there, for as long as the block runs.

    The operating system holds the lock, on the file `.hypseg.lock` in the folder, and gives it up however this process
    ends, though others that it forked live on; the file, which tells who holds it, goes at the end, and so do folders
    that were made here and are empty. Shards of one number hold it beside each other, each by a file of its own.
    Raises PlanError where another process holds it, and where the file is not one that this function made: nothing is
    written through a link. OSError, with the file's name, where it cannot be made. Where there are no such locks, on
    Windows and on some file systems, nothing is held. In a store an object is the lock: see `stores.claim`.
    """
    if isinstance(folder, StorePath):
        from hypsegcli.files.stores.claim import claimed

        name = LOCK if shard is None else shard.named(LOCK)
        with claimed(folder / name, _told(command, shard), excludes=_excluded_by(shard), alone=shard is None) as claim:
            yield Hold(folder, claim=claim)
    else:
        with _locked_here(folder, command, shard) as hold:
            yield hold


@contextlib.contextmanager
def _locked_here(folder: Path, command: str, shard: Shard | None) -> Iterator[Hold]:
    missing = [each for each in (folder, *folder.parents) if not os.path.isdir(each)]  # noqa: PTH112 (see make_folder)
    try:
        import fcntl
    except ImportError:
        make_folder(folder)
        yield Hold(folder)
        return
    path = folder / (LOCK if shard is None else shard.named(LOCK))
    vanished = 0
    while True:
        try:
            make_folder(folder)
            descriptor = _open(path)
        except FileNotFoundError:
            vanished += 1
            if folder.is_dir() or vanished == _OFTEN:
                raise
            continue  # whoever held the folder before has just removed it
        with _forgotten_in_forks(descriptor):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _held(folder, path) from None
            except OSError as error:
                if error.errno not in _KNOWS_NO_LOCKS:
                    raise OSError(error.errno, error.strerror, str(path)) from error
            # Whoever held it before may have removed the file between its opening and its locking.
            if not is_at(path, descriptor):
                continue
            try:
                _sign(path, descriptor, _told(command, shard))
                # After its own: of two that begin at once, one at least sees the other.
                if other := _that_excludes(shard, folder):
                    raise _held(folder, other)
                yield Hold(folder, descriptor, path.name)
            finally:
                if is_at(path, descriptor):
                    with contextlib.suppress(OSError):
                        path.unlink()
                        for each in missing:
                            each.rmdir()
            return


def _held(folder: Path, path: Path) -> PlanError:
    return PlanError(
        f"{folder}: another run is writing here ({_holder(path)}); wait for its end, or choose another {setting('out')}"
    )


def _that_excludes(shard: Shard | None, folder: Path) -> Path | None:
    """A lock in a folder that a process holds beside which a shard, or a whole run, may not write there.

    Those of shards that were killed go with the next whole run.
    """
    excludes = _excluded_by(shard)
    for path in folder.iterdir():
        if not excludes(path.name):
            continue
        if is_locked(path):
            return path
        if shard is None:
            with contextlib.suppress(OSError):
                path.unlink()
    return None


def _excluded_by(shard: Shard | None) -> Callable[[str], bool]:
    """Which locks, by their names, are not held beside that of a whole run, or of a shard."""

    def excludes(name: str) -> bool:
        other = shard_of(name, LOCK)
        if shard is None:
            return other is not None
        return name == LOCK or (other is not None and other.of != shard.of)

    return excludes


def _told(command: str, shard: Shard | None) -> str:
    return command if shard is None else f"{command}, shard {shard}"


def is_locked(path: Path) -> bool:
    """Whether a process holds a lock; not where it is gone, a link, or there are no locks here."""
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _KNOWS_NO_LOCKS
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def _forgotten_in_forks(descriptor: int) -> Iterator[None]:
    """Close a descriptor at the end of the block; a process that is forked in the block has it no more."""
    _descriptors.add(descriptor)
    try:
        yield
    finally:
        _descriptors.discard(descriptor)  # before its number can be another file's
        os.close(descriptor)


def _let_go_of_locks() -> None:
    """In a forked process: a lock is given up when the last that has it open is gone, and this one may be that.

    What was locked stays so as long as the parent has it. Its number stays taken, so that leaving the block here as
    well closes nothing else.
    """
    if _descriptors:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in _descriptors:
            os.dup2(nothing, descriptor, inheritable=False)
        os.close(nothing)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(after_in_child=_let_go_of_locks)


def _open(path: Path) -> int:
    """Open the file, which is made where it is not there; PlanError unless it is a file of this one name."""
    try:
        # Without O_NONBLOCK, opening a pipe may wait for whoever reads it.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _foreign(path, "a link") from None
    found = os.fstat(descriptor)
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFREG and found.st_nlink <= 1:
        return descriptor
    os.close(descriptor)
    raise _foreign(path, KINDS.get(kind, "no regular file") if kind != stat.S_IFREG else "a file with further names")


def _foreign(path: Path, kind: str) -> PlanError:
    return PlanError(
        f"{path}: is {kind}, where hypseg keeps the lock of this folder and would write; remove it, or choose another "
        f"{setting('out')}"
    )


def _sign(path: Path, descriptor: int, command: str) -> None:
    """Write into the file who holds it."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    who = {"command": command, "pid": os.getpid(), "host": socket.gethostname(), "since": since}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(who).encode(), 0)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return f"hypseg {who['command']}, process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "which, it does not say"
