"""Where converted networks are kept: the user's cache folder, from which they may be deleted at any time."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path


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
            return folder
        networks.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=networks))
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
