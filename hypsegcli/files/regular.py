"""Files that are files: a pipe would wait for a writer, and a device has no end."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hypsegcli.files.place import StorePath, open_object

KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def is_there(path: Path) -> bool:
    """Whether something is at a path that can be reached; Path.exists raises where a folder may not be entered."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def open_regular(path: Path) -> BinaryIO:
    """Open a file, or an object, for reading; OSError where there is none, and for what is no regular file."""
    if isinstance(path, StorePath):
        return open_object(path)
    at_once = getattr(os, "O_NONBLOCK", 0)  # without it, opening a pipe already waits
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | at_once))  # noqa: SIM115
    kind = stat.S_IFMT(os.fstat(file.fileno()).st_mode)
    if kind != stat.S_IFREG:
        file.close()
        raise OSError(errno.EINVAL, f"it is {KINDS.get(kind, 'no regular file')}", str(path))
    return file


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:  # an object of a store
        at = file.tell()
        size = file.seek(0, os.SEEK_END)
        file.seek(at)
        return size


class ChangedFileError(Exception):
    """While a file was read it was replaced by another, or written into."""


@contextlib.contextmanager
def unchanging(path: Path) -> Iterator[BinaryIO]:
    """Open a file as `open_regular` does, for a block that reads it more than once, by its path too.

    Raises ChangedFileError at the end of the block where the path leads to another file by then, or where something
    was written into this one: what the block has read may be of both.
    """
    with open_regular(path) as file:
        before = state_of(os.fstat(file.fileno()))
        yield file
        try:
            after = state_of(path.stat())
        except FileNotFoundError as error:
            raise ChangedFileError from error
    if after != before:
        raise ChangedFileError


def state_of(status: os.stat_result) -> tuple[int, ...]:
    """What is another once a file has been replaced by another, or written into."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
