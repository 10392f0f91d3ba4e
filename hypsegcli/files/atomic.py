"""Files that are either complete or absent."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.held import holding, is_held
from hypsegcli.files.place import StorePath, is_taken, refuse_address

_TEMPORARY = re.compile(r"\.hypseg-[0-9]+-[0-9a-f]{16}\.(tmp|mp4)")  # a video's name has to end in what it is


@contextlib.contextmanager
def replacing(path: Path, *, replace: bool = True) -> Iterator[BinaryIO]:
    """A file to write, to read, and to seek in, that becomes `path` when the block ends, and not before.

    No reader, and no crash of this program, ever meets half a file. Creates the folders above. The bytes go to a
    hidden file in the same folder, which then takes the place of `path`; its mode follows the umask. On any failure,
    Ctrl-C included, the hidden file is removed, a file that was at `path` stays as it was, and the error (mostly an
    OSError) goes on to the caller; what a process leaves that is killed, `sweep` removes.
    Nothing is flushed to the disk, so that a power cut may still lose the file. Without `replace`, a file that is at
    `path` by then stays, and PlanError is raised.
    An object of a store is written when the block ends, in one piece; until then its bytes lie in a temporary file.
    """
    if isinstance(path, StorePath):
        with tempfile.TemporaryFile() as waiting:
            yield waiting
            waiting.seek(0)
            _put(path, waiting, replace=replace)
        return
    make_folder(path.parent)
    # Not made from the target's name, which may already have the 255 bytes a file system allows.
    temporary = path.parent / f".hypseg-{os.getpid()}-{os.urandom(8).hex()}.tmp"
    try:
        with contextlib.ExitStack() as held:
            with temporary.open("x+b") as file:  # 0o666 less the umask, where tempfile would give 0o600
                held.enter_context(holding(file))
                yield file
            if replace:
                temporary.replace(path)
            else:
                _rename_to_new(temporary, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename in {None, str(temporary)}:
            error.filename, error.filename2 = str(path), None  # that is the name which whoever reads of it knows
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _put(path: StorePath, data: bytes | IO[bytes], *, replace: bool) -> None:
    """Write an object, after all that was to be added to others beside it."""
    from hypsegcli.files.stores import journal, objects

    journal.flush(path)
    try:
        objects.put(path, data, create=not replace)
    except FileExistsError:
        raise already_there(path) from None
    journal.drop(path)


@contextlib.contextmanager
def _putting(path: StorePath, data: bytes, *, replace: bool) -> Iterator[None]:
    yield
    _put(path, data, replace=replace)


def _rename_to_new(temporary: Path, path: Path) -> None:
    """Unlike a renaming, a link never takes the place of what is there."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise already_there(path) from None
    except OSError:  # a file system without links
        if is_taken(path):
            raise already_there(path) from None
        temporary.replace(path)
    else:
        temporary.unlink()


def write_atomically(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write `data` to `path` as `replacing` does."""
    if isinstance(path, StorePath):
        _put(path, data, replace=replace)
        return
    with replacing(path, replace=replace) as file:
        file.write(data)


@contextlib.contextmanager
def writing(files: Mapping[Path, bytes], *, replace: bool = True) -> Iterator[None]:
    """Write several files as `replacing` does; they take their places when the block ends, the first of them first.

    Until then, all of them are written, and nothing that was there is touched. Without `replace`, all of them appear
    or none: where one finds its place taken by then, those before it are removed again.
    """
    placed: list[Path] = []
    try:
        with contextlib.ExitStack() as opened:
            for path, data in reversed(list(files.items())):  # the last that was opened is the first to take its place
                if not replace:
                    opened.push(partial(_note, placed, path))
                if isinstance(path, StorePath):
                    opened.enter_context(_putting(path, data, replace=replace))
                    continue
                file = opened.enter_context(replacing(path, replace=replace))
                file.write(data)
                file.close()  # it is held all the same
            yield
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise


def _note(placed: list[Path], path: Path, kind: object, *_: object) -> None:
    if kind is None:
        placed.append(path)


def already_there(path: Path) -> PlanError:
    """What is raised where a file would be replaced that may not be."""
    return PlanError(
        f"{path}: is there already; replace it with {setting('overwrite')}, or choose another {setting('out')}"
    )


def sweep(folder: Path, below: Iterable[str] = ()) -> None:
    """Remove the hidden files that killed processes have left in a folder, and anywhere in those named in it.

    What a living process holds stays, and what cannot be read or removed. In a store, none are left.
    """
    if isinstance(folder, StorePath):
        return
    waiting = [folder / name for name in below]
    names = [folder]
    while names or waiting:
        deep = not names
        here = waiting.pop() if deep else names.pop()
        with contextlib.suppress(OSError), os.scandir(here) as entries:
            for entry in entries:
                if deep and entry.is_dir(follow_symlinks=False):
                    waiting.append(here / entry.name)
                elif _TEMPORARY.fullmatch(entry.name) and not is_held(here / entry.name):
                    with contextlib.suppress(OSError):
                        (here / entry.name).unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there; OSError where they cannot be made.

    pathlib and os call themselves for every folder above, and Python allows no thousand of such calls. In a
    store, none are made.
    """
    if isinstance(folder, StorePath):
        return
    missing = []
    while not os.path.isdir(folder):  # noqa: PTH112 (where a path may not be reached, pathlib raises)
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another thread was faster; what is no folder, fails below
            path.mkdir()


def append(path: Path, data: bytes) -> None:
    """Add `data` to a file that is there, all of it or nothing; OSError where that cannot be.

    An object of a store has it later, with other data: see `stores.journal`.
    """
    if isinstance(path, StorePath):
        from hypsegcli.files.stores import journal

        journal.append(path, data)
        return
    with path.open("r+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        try:
            written = file.write(data)
            if written != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            file.truncate(end)
            error.filename = str(path)
            raise


def refuse_unwritable(folder: Path) -> None:
    """PlanError unless a folder can be written, or made: noticed before a long run, not after it.

    Of a folder in a store, its claim tells.
    """
    if isinstance(folder, StorePath):
        return
    refuse_address(folder)
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise PlanError(
            f"{folder}: cannot be written, for {above} is no folder that may be; choose another {setting('out')}"
        )
