"""Where fetched checkpoints and what is known of them are kept: the user's cache folder.

Nothing in it is believed: every file is compared with its SHA-256 before each use.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.text import UnreadableTextError, read_text


class Kept(NamedTuple):
    """A file of a hub's repository that was fetched."""

    path: str
    bytes: int
    sha256: str
    commit: str
    file: str  # in the repository
    looked_up: str  # the day, as 2026-11-30

    @property
    def is_sound(self) -> bool:
        """Whether it is still there, byte for byte."""
        return digest_file(Path(self.path)) == Digest(self.bytes, self.sha256)


def cache_folder() -> Path:
    """The folder of fetched checkpoints, which may be deleted at any time."""
    from platformdirs import user_cache_path

    return user_cache_path("hypseg") / "checkpoints"


def recall(endpoint: str, address: str) -> Kept | None:
    """What was noted of an address at a hub; None where nothing was, or nothing that can be read."""
    try:
        found = Kept(**json.loads(read_text(_note(endpoint, address))))
    except (UnreadableTextError, ValueError, TypeError, RecursionError):
        return None
    return found if [type(value) for value in found] == [str, int, str, str, str, str] else None


def remember(endpoint: str, address: str, kept: Kept) -> None:
    """Note it; where that cannot be written, the hub will be asked again."""
    with contextlib.suppress(OSError):
        write_atomically(_note(endpoint, address), json.dumps(kept._asdict(), indent=2).encode())


def _note(endpoint: str, address: str) -> Path:
    name = hashlib.sha256(f"{endpoint}\n{address}".encode()).hexdigest()[:32]
    return cache_folder() / "hub" / f"{name}.json"
