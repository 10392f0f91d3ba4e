"""review.csv: what people say of places, a line a verdict, which is on the disk before anybody is told so.

Each verdict is one line that is added to the end of the file, in one go, by one server at a time: those of several
servers, and of several browsers, are all kept. Nothing that is in the file is ever written again, or removed; the last
line of a place counts, of those that were given on what there is to be seen now, or do not say on what. A person may
edit it meanwhile.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from hypsegcli.errors import HypsegError, PlanError
from hypsegcli.files.held import in_turn
from hypsegcli.files.regular import state_of
from hypsegcli.files.table import Table, read_csv
from hypsegcli.files.words import count_of, first_of
from hypsegcli.review.places import VERDICTS, Mark

_NEEDED = ("key", "x", "y", "width", "height", "verdict", "time")
COLUMNS = (*_NEEDED, "seen")  # the last as `seen_in` has it
Place = TypeVar("Place")

_LISTED = 3  # lines
_PATIENCE = 5.0  # seconds for the turn of another server, which takes milliseconds


class Verdicts:
    """The verdicts in a file, which others may add to, or edit, meanwhile."""

    def __init__(self, path: Path, seen_of: Callable[[Mark], str] = lambda _: "") -> None:
        """PlanError where the file cannot be used; one that is not there is made with the first verdict.

        `seen_of` says what there is to be seen of a place; empty where there is nothing.
        """
        self.path = path
        self._seen_of = seen_of
        self._lock = threading.Lock()
        self._state: tuple[int, ...] = ()
        self._header: Sequence[str] = COLUMNS
        self._delimiter = ","
        self._of: dict[Mark, str] = {}
        self._others: dict[tuple[Mark, str], str] = {}  # of places as something else was to be seen of them
        self.damaged: list[int] = []  # lines that cannot be read, and stay
        self._saved = False  # whether this server has added a verdict
        self.generation = 0  # rises with everything that others have changed
        try:
            self._look()
            if not os.access(path if path.exists() else path.parent, os.W_OK):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        except (OSError, ValueError) as error:
            raise PlanError(_unusable(path, error)) from None

    def __len__(self) -> int:
        """How many places have a verdict."""
        return len(self._of)

    def of(self, mark: Mark) -> str:
        """The verdict of a place; empty where there is none."""
        return self._of.get(mark, "")

    def marks(self) -> list[Mark]:
        """The places that have a verdict, whichever run's they are."""
        return list(self._of)

    def of_something_else(self) -> list[Mark]:
        """The places of verdicts that count for nothing, since what was seen of them is not what there is by now."""
        return [mark for mark, _ in self._others]

    def notices(self) -> list[str]:
        """A sentence on lines that cannot be read."""
        if not self.damaged:
            return []
        numbers = first_of([str(line) for line in sorted(self.damaged)], _LISTED)
        stay = "it stays, and counts" if len(self.damaged) == 1 else "they stay, and count"
        return [
            f"{self.path}: {count_of(len(self.damaged), 'line')} cannot be read ({numbers}); {stay} for nothing: a "
            f"line has {', '.join(_NEEDED)}, and the verdict is right, wrong or empty"
        ]

    def refresh(self) -> None:
        """Read the file again where others have written into it; HypsegError where it cannot be used any more."""
        with self._lock, self._sentences("what was judged until then was saved in it" if self._saved else ""):
            self._look()

    def give(self, mark: Mark, verdict: str) -> str:
        """Add the verdict of a place, empty to take it back; it is on the disk when this returns. What it was before.

        Raises HypsegError where that cannot be; then nothing of it is in the file.
        """
        with self._lock, self._sentences("this verdict was not saved"), in_turn(self.path.parent, patience=_PATIENCE):
            while True:
                self._make()
                with _opened(self.path, os.O_RDWR | os.O_APPEND) as descriptor:
                    self._read(descriptor)
                    before = self._of.get(mark, "")
                    self._append(descriptor, self._line(mark, verdict))
                    if not _is_at(self.path, descriptor):  # an editor has just put another file in its place
                        continue
                    self._note(mark, verdict)
                    self._state = state_of(os.fstat(descriptor))
                    self._saved = True
                    return before

    def close(self) -> None:
        """Wait for a verdict that is being written."""
        with self._lock:
            pass

    @contextlib.contextmanager
    def _sentences(self, end: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise HypsegError("; ".join(filter(None, (_unusable(self.path, error), end)))) from error

    def _look(self) -> None:
        try:
            with _opened(self.path, os.O_RDONLY) as descriptor:
                self._read(descriptor)
        except FileNotFoundError:
            if self._state:
                self._forget()

    def _make(self) -> None:
        """An empty file where there is none; no link is followed to one that is not there."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            _sync_folder(self.path.parent)

    def _read(self, descriptor: int) -> None:
        """Read all of it, unless it is as it was left."""
        state = state_of(os.fstat(descriptor))
        if state == self._state:
            return
        with os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(0)
            data = file.read()
        self._forget()
        if data:
            table = _table_of(data)
            self._header, self._delimiter, self.damaged = table.header, table.delimiter, list(table.damaged)
            for line, (key, *box, said, _, seen) in zip(table.lines, table.rows, strict=True):
                try:
                    self._note(Mark(key, *map(int, box)), VERDICTS[VERDICTS.index(said.strip().lower())], seen.strip())
                except ValueError:
                    self.damaged.append(line)
        self._state = state

    def _forget(self) -> None:
        self._state, self._header, self._delimiter, self.damaged = (), COLUMNS, ",", []
        self._of, self._others = {}, {}
        self.generation += 1

    def _note(self, mark: Mark, verdict: str, seen: str = "") -> None:
        if seen and seen != self._seen_of(mark):
            _put(self._others, (mark, seen), verdict)
        else:
            _put(self._of, mark, verdict)

    def _line(self, mark: Mark, verdict: str) -> bytes:
        """With the columns of the file's own header, which a person may have moved, or added to."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        cells = {**mark._asdict(), "verdict": verdict, "time": now, "seen": self._seen_of(mark)}
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter).writerow([cells.get(name, "") for name in self._header])
        return text.getvalue().encode("utf-8", "surrogateescape")

    def _append(self, descriptor: int, line: bytes) -> None:
        """All of it or nothing; a line before it that was cut off is ended first, and stays."""
        end = os.fstat(descriptor).st_size
        if end == 0:
            line = self._delimiter.join(self._header).encode() + b"\r\n" + line
        elif _last_byte(descriptor, end) != b"\n":
            line = b"\r\n" + line
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, end)
            raise


def _put(verdicts: dict[Place, str], place: Place, verdict: str) -> None:
    if verdict:
        verdicts[place] = verdict
    else:
        verdicts.pop(place, None)


def _table_of(data: bytes) -> Table:
    """The columns of the file; it may have been made without the last, by hand."""
    with contextlib.suppress(ValueError):
        return read_csv(data, COLUMNS)
    table = read_csv(data, _NEEDED)
    return table._replace(rows=[(*row, "") for row in table.rows])


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """OSError for what is no regular file."""
    # Without the first, opening a pipe already waits; without the second, Windows changes the ends of lines.
    further = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | further)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _last_byte(descriptor: int, end: int) -> bytes:
    os.lseek(descriptor, end - 1, os.SEEK_SET)
    return os.read(descriptor, 1)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _sync_folder(folder: Path) -> None:
    """The name of a new file is in its folder, which may be lost as well."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unusable(path: Path, error: OSError | ValueError) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return f"{path}: cannot be used for verdicts ({reason}); put it elsewhere, or mend it"
