"""The pictures below a folder, and what lies there beside them."""

from __future__ import annotations

import errno
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from hypsegcli.errors import PlanError
from hypsegcli.files.books import is_book, is_of_a_run
from hypsegcli.files.kinds import is_kind
from hypsegcli.files.place import Entry, scan
from hypsegcli.files.words import count_of, first_of, shorten
from hypsegcli.images.formats import SUFFIXES, advice_on

_Parts = tuple[str, ...]
_NAMED, _LETTERS = 3, 200


@dataclass(frozen=True)
class Skipped:
    """What lies in the folders that were searched, and is not taken."""

    others: list[Path] = field(default_factory=list)  # that are no pictures, as their suffix tells
    irregular: list[Path] = field(default_factory=list)  # pipes, sockets and devices that are called like pictures
    repeated: list[Path] = field(default_factory=list)  # links to folders that were searched already
    deep: list[Path] = field(default_factory=list)  # folders whose paths are longer than the system takes
    maps: list[Path] = field(default_factory=list)  # folders of maps that a run has written, which are no photographs

    def __str__(self) -> str:
        """In a line; empty where all was taken."""
        kinds = Counter(path.suffix.lower() or "without a suffix" for path in self.others)
        irregular, repeated, deep, maps = (
            [shorten(str(path), _LETTERS) for path in paths]
            for paths in (self.irregular, self.repeated, self.deep, self.maps)
        )
        told = (
            ("file", "no pictures", len(self.others), [_told(kind, times) for kind, times in kinds.most_common()]),
            ("file", "pipes or devices", len(irregular), irregular),
            ("link", "to folders that were searched already", len(repeated), repeated),
            ("folder", "with longer paths than can be opened", len(deep), deep),
            ("folder", "of maps that hypseg wrote", len(maps), maps),
        )
        return "; ".join(
            f"{count_of(number, noun)}, {what} ({first_of(names, _NAMED)})"
            for noun, what, number, names in told
            if number
        )


class Walk:
    """The pictures below a folder whose relative paths match a pattern, links to folders followed once.

    What the tree itself holds comes first: a folder that a link leads to as well has its own name. A pattern with two
    `**` may yield a file twice.
    """

    def __init__(
        self,
        folder: Path,
        pattern: tuple[str, ...],
        skipped: Skipped,
        *,
        of_runs: bool,
        suffixes: Collection[str] = SUFFIXES,
    ) -> None:
        self._folders: list[tuple[Path, tuple[str, ...], _Parts]] = [(folder, pattern, ())]
        self._links: deque[tuple[Path, tuple[str, ...], _Parts]] = deque()
        self._seen: set[tuple[int, int, int]] = set()  # folders, by device, number, and what is left of the pattern
        self._skipped = skipped
        self._of_runs = of_runs  # whether the maps that a run has written are searched as well
        self._suffixes = suffixes

    def __iter__(self) -> Iterator[tuple[_Parts, Path]]:
        """As (parts of the relative path, path)."""
        while self._folders or self._links:
            yield from self._inside(*(self._folders.pop() if self._folders else self._links.popleft()))

    def _inside(self, folder: Path, pattern: tuple[str, ...], parts: _Parts) -> Iterator[tuple[_Parts, Path]]:
        try:
            status = folder.stat()
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            self._skipped.deep.append(folder)
            return
        here = (status.st_dev, status.st_ino, len(pattern))
        if here in self._seen:
            if folder.is_symlink():
                self._skipped.repeated.append(folder)
            return
        self._seen.add(here)
        wanted, rest = pattern[0], pattern[1:]
        entries = sorted(list_folder(folder), key=lambda entry: entry.name)  # so that links are met in one order
        if not self._of_runs and is_of_a_run({entry.name for entry in entries}):
            entries = self._beside_maps(folder, entries, deeper=bool(rest))
        if wanted == "**":
            yield from self._inside(folder, rest, parts)
        for entry in entries:
            name = entry.name
            if name.startswith(".") and not (wanted.startswith(".")):
                continue
            if is_folder(folder / name) or entry.is_dir(follow_symlinks=False):
                left = pattern if wanted == "**" else rest if rest and fnmatchcase(name, wanted) else ()
                if left:
                    (self._links if entry.is_symlink() else self._folders).append((folder / name, left, (*parts, name)))
            elif not rest and fnmatchcase(name, wanted) and self._is_picture(folder / name, entry):
                yield (*parts, name), folder / name

    def _beside_maps(self, folder: Path, entries: list[Entry], *, deeper: bool) -> list[Entry]:
        """What lies in the folder of a run beside its maps and books; `deeper` is whether the maps were looked for."""
        maps = {entry.name for entry in entries if is_kind(entry.name) and is_folder(folder / entry.name)}
        if deeper:
            told = set(self._skipped.maps)  # two `**` lead to a folder twice
            self._skipped.maps.extend(folder / name for name in sorted(maps) if folder / name not in told)
        return [entry for entry in entries if entry.name not in maps and not is_book(entry.name)]

    def _is_picture(self, path: Path, entry: Entry) -> bool:
        if path.suffix.lower() not in self._suffixes:
            self._skipped.others.append(path)
            return False
        # Pipes and devices would block. A broken link is kept, so that it fails by name instead of vanishing.
        if entry.is_file() or (entry.is_symlink() and not path.exists()):
            return True
        self._skipped.irregular.append(path)
        return False


def list_folder(folder: Path) -> list[Entry]:
    """What lies in a folder, in no order; PlanError where it cannot be read."""
    try:
        with scan(folder) as entries:
            return list(entries)
    except OSError as error:
        raise PlanError(f"{folder}: the folder cannot be read ({error.strerror}); check its permissions") from None


def is_folder(path: Path) -> bool:
    """Whether a folder is there that can be reached."""
    try:
        return path.is_dir()
    except OSError:  # a name too long, or a folder we may not look into
        return False


def _told(suffix: str, times: int) -> str:
    return f"{times} {suffix}{f', {advice}' if (advice := advice_on(suffix)) else ''}"
