"""Where converted networks are kept: the user's cache folder, from which they may be deleted at any time."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

_UNFINISHED = ".new-"
_NAME = re.compile("[0-9a-f]{16}-[0-9a-f]{16}")

# Days without use, after which a network that was left half converted, and one of another checkpoint or of a version
# that is no longer installed, is deleted when the next one is converted.
_KEEP_UNFINISHED, _KEEP = 1, 60
_DAY = 86_400  # seconds


def converted(sha256: str, *, parts: Sequence[str], convert: Callable[[Path], None]) -> Path:
    """The folder of a converted network; `convert` fills it where it is not there yet.

    Named after the checkpoint's hash, `parts` (what else it depends on: the engine and its version, what is in the
    graph) and the versions of torch and hypseg. It appears whole or not at all. Where the cache cannot be written,
    it is a temporary folder, and converting is done again next time.
    """
    from platformdirs import user_cache_path

    told = "/".join((*parts, version("torch"), version("hypseg")))
    networks = user_cache_path("hypseg") / "networks"
    folder = networks / f"{sha256[:16]}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    try:
        if folder.is_dir():
            with contextlib.suppress(OSError):
                os.utime(folder)
            return folder
        networks.mkdir(parents=True, exist_ok=True)
        _sweep(networks)
        new = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=networks))
    except OSError:
        folder = new = Path(tempfile.mkdtemp(prefix="hypseg-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        convert(new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if new == folder:
        return folder
    try:
        new.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(new, ignore_errors=True)
    return folder


def _sweep(networks: Path) -> None:
    """Delete what has not been used for long; a folder of another name is not ours."""
    for folder in networks.iterdir():
        unfinished = folder.name.startswith(_UNFINISHED)
        if not unfinished and not _NAME.fullmatch(folder.name):
            continue
        with contextlib.suppress(OSError):  # another process may have been faster
            if folder.stat().st_mtime < time.time() - (_KEEP_UNFINISHED if unfinished else _KEEP) * _DAY:
                gone = folder if unfinished else folder.rename(networks / f"{_UNFINISHED}{folder.name}")
                shutil.rmtree(gone, ignore_errors=True)
