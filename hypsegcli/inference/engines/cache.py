"""Where converted networks are kept: the user's cache folder, from which they may be deleted at any time.

Nothing in it is believed: every file is compared with the digest that was taken when it was written, and that is kept
beside what the network was converted from.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.digest import digest_file
from hypsegcli.files.held import holding_folder, in_turn, is_held

_UNFINISHED = ".new-"
_FALLBACK = "hypseg-network-"  # of folders in the system's temporary one
_SEAL = "digests.json"
_BLOCK = 2**20  # bytes that are written at once
_NAME = re.compile("[0-9a-f]{16}-[0-9a-f]{16}")

# Seconds without use, after which a network that was left half converted and that no process holds, and one of another
# checkpoint or of a version that is no longer installed, is deleted when the next one is converted. The minute is for
# a process that has made its folder and does not hold it yet; where nobody can tell who holds what, it is a day.
_MINUTE, _DAY, _KEEP = 60, 86_400, 60 * 86_400

_PATIENCE = 600  # seconds, for another process that converts


class _Seal(NamedTuple):
    """What was converted, and what came of it."""

    of: str  # the checkpoint's SHA-256 and all else that it depends on
    digests: dict[str, str]  # SHA-256 by file


def converted(
    sha256: str,
    *,
    parts: Sequence[str],
    room: int,
    convert: Callable[[Path], None],
    tell: Callable[[str], None],
    patience: float = _PATIENCE,
) -> Path:
    """The folder of a converted network; `convert` fills it where it is not there yet.

    Named after the checkpoint's hash, `parts` (what else it depends on: the engine and its version, what is in the
    graph) and the versions of torch and hypseg. It appears whole or not at all, and what has become another file, or
    no folder, since is converted again. Where the cache cannot be written, or keeps what may not be removed at that
    place, or where it has not `room` bytes, it is a folder that lasts as long as this process, and the next one
    converts again; `tell` hears of that. Another process that converts is waited for, `patience` seconds.
    """
    from platformdirs import user_cache_path

    told = "/".join((*parts, version("torch"), version("hypseg")))
    of = f"{sha256}/{told}"
    networks = user_cache_path("hypseg") / "networks"
    folder = networks / f"{sha256[:16]}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if not _is_there(folder, of):
        with contextlib.suppress(OSError):
            networks.mkdir(parents=True, exist_ok=True)
        with in_turn(networks, patience=patience):  # of several processes that begin together one converts
            return _convert(networks, folder, of, room=room, convert=convert, tell=tell)
    return folder


def _is_there(folder: Path, of: str) -> bool:
    """Whether a folder is that network, which is used by now."""
    try:
        if not _is_sound(folder, of):
            return False
    except OSError:  # which is told where it is to be made
        return False
    with contextlib.suppress(OSError):
        os.utime(folder)
    return True


def _convert(
    networks: Path, folder: Path, of: str, *, room: int, convert: Callable[[Path], None], tell: Callable[[str], None]
) -> Path:
    """As `converted`, where it was not there a moment ago."""
    if _is_there(folder, of):
        return folder
    try:
        discard(folder)
        networks.mkdir(parents=True, exist_ok=True)
        _sweep(networks)
        new = _make_folder(networks, _UNFINISHED, room)
    except OSError as error:
        tell(f"{networks}: cannot be written ({error.strerror}); the network will be converted again the next time")
        temporary = Path(tempfile.gettempdir())
        _sweep(temporary, _FALLBACK)
        folder = new = _until_the_end(_make_folder(temporary, _FALLBACK, room))
    try:
        with holding_folder(new):
            convert(new)
            _write_seal(new, _Seal(of, {}))
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if new == folder:
        return folder
    try:
        new.rename(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            if _is_sound(folder, of):  # another process was faster
                shutil.rmtree(new, ignore_errors=True)
                return folder
        tell(f"{folder}: cannot be replaced ({error.strerror}); the network will be converted again the next time")
        return _until_the_end(new)
    return folder


def _make_folder(place: Path, prefix: str, room: int) -> Path:
    """A new folder in which so many bytes can be written; OSError where not, which no runtime says as clearly."""
    new = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    try:
        with (new / "room").open("wb") as file:
            for start in range(0, room, _BLOCK):
                file.write(b"\0" * min(_BLOCK, room - start))
        (new / "room").unlink()
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return new


def _until_the_end(folder: Path) -> Path:
    """A folder that goes when this process ends."""
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def read_note(folder: Path, name: str) -> dict[str, float | None]:
    """What was found out of a converted network and kept with it; empty where nothing was."""
    try:
        return dict(json.loads((folder / name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def keep_note(folder: Path, name: str, found: Mapping[str, float | None]) -> None:
    """Keep it for the next time, beside a converted network."""
    with contextlib.suppress(OSError):
        write_atomically(folder / name, json.dumps(found).encode())
        sealed = _read_seal(folder)
        if sealed.of:
            _write_seal(folder, sealed)


def discard(folder: Path) -> None:
    """Remove a converted network, or whatever lies at its place."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder.unlink(missing_ok=True)


def _is_sound(folder: Path, of: str) -> bool:
    """Whether it is that network, all its files as they were sealed; what nobody sealed is removed."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    sealed = _read_seal(folder)
    if sealed.of != of:
        return False
    for name in _files(folder) - sealed.digests.keys():
        (folder / name).unlink(missing_ok=True)
    found = {name: digest_file(folder / name) for name in sealed.digests}
    return bool(found) and all(digest and digest.sha256 == sealed.digests[name] for name, digest in found.items())


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {_SEAL}


def _read_seal(folder: Path) -> _Seal:
    try:
        found = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        return _Seal(found["of"], dict(found["digests"]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return _Seal("", {})


def _write_seal(folder: Path, known: _Seal) -> None:
    """Add the files that have no digest yet; without a seal, the network will be converted again."""
    new = {name: digest_file(folder / name) for name in _files(folder) - known.digests.keys()}
    digests = known.digests | {name: digest.sha256 for name, digest in new.items() if digest}
    with contextlib.suppress(OSError):
        write_atomically(folder / _SEAL, json.dumps(_Seal(known.of, digests)._asdict()).encode())


def _sweep(networks: Path, unfinished_prefix: str = _UNFINISHED) -> None:
    """Delete what has not been used for long; a folder of another name is not ours."""
    for folder in networks.iterdir():
        unfinished = folder.name.startswith(unfinished_prefix)
        if not unfinished and not _NAME.fullmatch(folder.name):
            continue
        with contextlib.suppress(OSError):  # another process may have been faster
            keep = (_DAY if is_held(folder) else _MINUTE) if unfinished else _KEEP
            if folder.stat().st_mtime < time.time() - keep:
                gone = folder if unfinished else folder.rename(networks / f"{_UNFINISHED}{folder.name}")
                shutil.rmtree(gone, ignore_errors=True)
