"""Where a process runs, as far as its number says anything about it."""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from pathlib import Path


def whereabouts() -> dict[str, str]:
    """By name, what two processes have alike between which numbers of processes mean the same.

    Containers have numbers of their own: two of one host's network have its name and hardware address, and each has a
    process 1. Linux tells them apart by their namespaces, and machines of one image by when they were started.
    """
    found = {"host": socket.gethostname(), "machine": f"{uuid.getnode():012x}", "boot": "", "processes": ""}
    with contextlib.suppress(OSError):
        found["boot"] = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        found["processes"] = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is no path
    return found
