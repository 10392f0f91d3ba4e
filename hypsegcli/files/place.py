"""Places: paths of this machine, and objects of a store, which look like paths and are asked for by the same names.

Where a store is too, whoever wants to know what lies somewhere asks here, and not the operating system.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from hypsegcli.errors import PlanError, StoreError, UsageError
from hypsegcli.files.address import BUCKETS, ONE_SLASH, WEB, Address

if TYPE_CHECKING:
    from hypsegcli.files.stores.listing import Seen

_ADDRESS = re.compile(rf"({'|'.join((*BUCKETS, *WEB))}):/+(.*)", re.IGNORECASE | re.DOTALL)  # a Path keeps one slash
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_BUCKET = re.compile(r"[\w.-]+", re.ASCII)
_FOLDER, _FILE = 0o040755, 0o100644


class StorePath(Address):
    """An address whose methods mean what those of Path do, and raise the OSErrors that they do.

    Beside these StoreError, where the store as a whole cannot be used.
    """

    def __reduce__(self) -> tuple[Callable[..., Path], tuple[str]]:
        return _again, (f"{self}?{self.query}" if self.query else str(self),)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Size and time of an object; of what is only a folder that it is one.

        Its number is made of its ETag: it changes with what it holds. Its time is the latest that it may be by this
        machine's clock: stores refuse requests only where that is a quarter of an hour off.
        """
        from hypsegcli.files.stores.listing import is_folder, look

        if (seen := look(self)) is not None:
            return _status(_FILE, self, seen)
        if is_folder(self):
            return _status(_FOLDER, self, None)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))

    def lstat(self) -> os.stat_result:
        """There are no links."""
        return self.stat()

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there is an object, or a folder."""
        return self.is_file() or self.is_dir()

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there is an object."""
        from hypsegcli.files.stores.listing import look

        return look(self) is not None

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there are objects below."""
        from hypsegcli.files.stores.listing import is_folder

        return is_folder(self)

    def is_symlink(self) -> bool:
        """There are none."""
        return False

    def samefile(self, other_path: object) -> bool:
        """Whether it has the same address."""
        return self == other_path

    def open(self, *_: object, **__: object) -> Any:
        """Its bytes, to be read."""
        return open_object(self)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        from hypsegcli.files.stores.objects import remove

        remove(self)

    def rmdir(self) -> None:
        """A folder goes with its last object."""


def _again(address: str) -> Path:
    return locate(address) if _ADDRESS.match(address) else StorePath(address)


def locate(given: str | os.PathLike[str]) -> Path:
    """The place that somebody named: a path, or an address such as `s3://bucket/key`.

    Raises UsageError for an address that cannot be one.
    """
    if isinstance(given, StorePath):
        return given
    match = _ADDRESS.fullmatch(os.fspath(given))
    if match is None:
        return Path(given)
    scheme, rest = match[1].lower(), match[2]
    return _web(scheme, rest) if scheme in WEB else _bucket(scheme, rest)


def is_address(given: str) -> bool:
    """Whether it names a store, or a file on the web, and no path of this machine."""
    return _ADDRESS.match(given) is not None


def refuse_address(path: Path) -> None:
    """PlanError for a path that was meant as an address, where only this machine's files will do."""
    if is_address(str(path)):
        raise PlanError(
            f"{ONE_SLASH.sub(chr(92) + '1://', str(path))}: this cannot lie in a store; choose a path of this machine, "
            "and copy from there or to there"
        )


def _bucket(scheme: str, rest: str) -> StorePath:
    bucket, *names = rest.rstrip("/").split("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(f"{scheme}://{bucket}: names no bucket; expected {scheme}://BUCKET/KEY")
    if {"", ".", ".."} & set(names):
        raise UsageError(
            f"{scheme}://{rest}: has an empty name, . or .. between slashes, which hypseg cannot tell from others; "
            "rename such objects"
        )
    return StorePath(f"{scheme}:/{'/'.join((bucket, *names))}")


def _web(scheme: str, rest: str) -> StorePath:
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port, user = parts.hostname or "", parts.port, parts.username
    except ValueError:  # its message may repeat a password
        raise UsageError(f"{scheme}: this is no address that can be read; write it again") from None
    shown = f"{scheme}://{host}{f':{port}' if port else ''}"
    if not host or not parts.path.strip("/"):
        raise UsageError(f"{shown}: names no file; expected https://HOST/FILE")
    if scheme == "http" and host not in _LOOPBACK:
        raise UsageError(
            f"{shown}{parts.path}: what comes by http can be read and changed on its way; give its https address"
        )
    if user is not None:
        raise UsageError(f"{shown}{parts.path}: hypseg sends no user and no password; download the file")
    place = StorePath(f"{shown.replace('://', ':/')}{parts.path}")
    place.query = parts.query
    return place


def is_taken(path: Path) -> bool:
    """Whether anything is at a path, a broken link included."""
    return path.exists() if isinstance(path, StorePath) else os.path.lexists(path)


def real(path: Path) -> str:
    """Where a path leads to, through links; an address is what it is."""
    return str(path) if isinstance(path, StorePath) else os.path.realpath(path)


class Entry(Protocol):
    """What lies in a folder, as os.DirEntry has it."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a regular file."""

    def is_symlink(self) -> bool:
        """Whether it is a link."""


@contextlib.contextmanager
def scan(folder: Path) -> Iterator[Iterator[Entry]]:
    """What lies in a folder, in no order; OSError where it cannot be read."""
    if isinstance(folder, StorePath):
        from hypsegcli.files.stores.listing import names_in

        yield iter([folder / name for name in names_in(folder)])
    else:
        with os.scandir(folder) as entries:
            yield entries


def open_object(path: StorePath) -> BinaryIO:
    """Open an object for reading; OSError as open() raises it."""
    from hypsegcli.files.stores import journal, reader

    journal.flush(path)
    return reader.open_object(path)


@contextlib.contextmanager
def looking_ahead() -> Iterator[None]:
    """Ask much of stores in the block, before anything is done: PlanError where one cannot be used at all."""
    from hypsegcli.files.stores.listing import listed

    try:
        with listed():
            yield
    except StoreError as error:
        raise PlanError(error.message) from error
    except OSError as error:
        if not is_address(str(error.filename)):
            raise
        raise PlanError(_why_out_of_reach(error)) from error


def _why_out_of_reach(error: OSError) -> str:
    """A sentence on an object that cannot be asked for."""
    try:
        locate(error.filename).is_dir()
    except StoreError as better:  # of a listing, stores say why they refuse it
        return better.message
    except OSError:
        pass
    return f"{error.filename}: cannot be reached ({error.strerror}); check the name, and who may read it"


def is_gone_from(path: Path) -> bool:
    """Whether nothing is at a path any more, and its folder holds something else.

    One that is empty, or not there at all, may be of a disk that is not mounted.
    """
    try:
        with scan(path.parent) as entries:
            is_empty = next(entries, None) is None
    except (OSError, ValueError):
        return False
    may_enter = isinstance(path, StorePath) or os.access(path.parent, os.X_OK)
    return not is_empty and may_enter and not is_taken(path)


def _status(mode: int, path: StorePath, seen: Seen | None) -> os.stat_result:
    from hypsegcli.files.stores.listing import CLOCKS_APART

    number, device = (hash(told) & (2**63 - 1) for told in ((str(path), seen and seen.etag), path.store))
    size, time = (seen.bytes, seen.modified + CLOCKS_APART) if seen else (0, 0.0)
    return os.stat_result((mode, number, device, 1, 0, 0, size, time, time, time))
