"""Files that are files: a pipe would wait for a writer, and a device has no end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def is_there(path: Path) -> bool:
    """Whether something is at a path that can be reached; Path.exists raises where a folder may not be entered."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; OSError where there is none, and for what is no regular file."""
    at_once = getattr(os, "O_NONBLOCK", 0)  # without it, opening a pipe already waits
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | at_once))  # noqa: SIM115
    kind = stat.S_IFMT(os.fstat(file.fileno()).st_mode)
    if kind != stat.S_IFREG:
        file.close()
        raise OSError(errno.EINVAL, f"it is {KINDS.get(kind, 'no regular file')}", str(path))
    return file
