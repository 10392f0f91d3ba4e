"""Command-line arguments to a list of pictures, before anything is decoded.

An argument is a file, a folder, a quoted glob pattern, or `@list.txt`. Each picture gets a key: the name of
its outputs, relative to the output folder and without suffix.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.place import StorePath, is_address, is_taken, locate, looking_ahead, real
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.files.words import shorten
from hypsegcli.images.formats import CLIP_SUFFIXES, SUFFIXES
from hypsegcli.images.walk import Skipped, Walk, is_folder, list_folder

_LETTERS = 80  # of a path in a sentence


@dataclass(frozen=True)
class Input:
    """One picture: where it is, and the relative name, without suffix, of what is made from it."""

    path: Path
    key: PurePosixPath
    frame: int | None = None  # of a video, counted from 0; None: the file is a picture
    page: int | None = None  # of a TIFF of several, counted from 1; None: the first, or the only one


@dataclass(frozen=True)
class Inputs:
    """All pictures of a run in order, the folders that were named as inputs, and what was left out of those."""

    images: tuple[Input, ...]
    folders: tuple[Path, ...]
    matched: tuple[Path, ...] = ()  # folders in which patterns matched pictures
    skipped: Skipped = field(default_factory=Skipped)


def find_inputs(arguments: Sequence[str], *, of_runs: bool = False, videos: bool = False) -> Inputs:
    """Find the pictures that `arguments` name, in the order of the arguments, folders in natural order.

    A file: its key is its stem. A folder: searched through, symbolic links followed once, hidden names skipped;
    keys keep the path within it. A glob pattern, in which `**` stands for any folders: keys keep the path
    from the first wildcard on. `@list.txt`: UTF-8, one path a line, relative to the list's own folder; keys keep
    the path from that on, however it is written, and of what lies elsewhere are the stem. `#` starts a comment line,
    unless a file is called so. The same file under the same key counts once.

    The folders of maps and the books of a run are passed over, unless label maps are looked for: `of_runs`. Photographs
    may lie beside them. With `videos`, folders and patterns pick up videos as well, each one picture still; see
    `images.frames`.

    Raises PlanError for an argument that leads to no picture. A path in a list that is missing is one failed picture of
    the run and not the end of it, unless no line could be meant for a picture.
    """
    inputs: dict[tuple[str, PurePosixPath], Input] = {}
    folders: list[Path] = []
    matched: list[Path] = []
    skipped = Skipped()
    search = _Search(SUFFIXES + CLIP_SUFFIXES if videos else SUFFIXES, skipped, of_runs)
    with looking_ahead():
        for argument in arguments:
            found = _expand(argument, folders, search)
            if _is_pattern(argument):
                matched += [item.path.parent for item in found]
            for item in found:
                inputs.setdefault((real(item.path), item.key), item)
    return Inputs(tuple(inputs.values()), tuple(dict.fromkeys(folders)), tuple(dict.fromkeys(matched)), skipped)


class _Search(NamedTuple):
    """What is looked for in folders."""

    suffixes: tuple[str, ...]
    skipped: Skipped
    of_runs: bool

    def below(self, folder: Path, pattern: tuple[str, ...]) -> Walk:
        return Walk(folder, pattern, self.skipped, of_runs=self.of_runs, suffixes=self.suffixes)

    @property
    def wanted(self) -> str:
        return ", ".join(self.suffixes)


def _expand(argument: str, folders: list[Path], search: _Search) -> list[Input]:
    if not argument:
        raise PlanError("an input is empty; give a file, a folder (. is this one), a pattern or @list.txt")
    if argument.startswith("@"):
        return _from_list(argument)
    path = locate(argument)
    if isinstance(path, StorePath):
        _refuse_missing(path)
    if is_folder(path):
        folders.append(path)
        return _from_folder(path, search)
    if is_taken(path):  # a broken link included: decoding says so
        return [Input(path, PurePosixPath(path.stem))]
    if _is_pattern(argument):
        return _from_pattern(argument, folders, search)
    try:
        path.lstat()
    except PermissionError as error:
        raise PlanError(f"{argument}: cannot be reached ({error.strerror}); check the permissions above it") from None
    except (OSError, ValueError):
        pass
    raise PlanError(f"{argument}: there is no such file or folder; check the name")


def _refuse_missing(path: StorePath) -> None:
    if not path.exists() and not _has_wildcard(str(path)):
        raise PlanError(f"{path}: there is no such object, and none below it; check the name")


def _from_folder(folder: Path, search: _Search) -> list[Input]:
    files = list(search.below(folder, ("**", "*")))
    if files:
        return _sorted_inputs(files)
    if next(iter(list_folder(folder)), None) is None:
        raise PlanError(f"{folder}: the folder is empty; name a folder that holds pictures")
    found = f"; found {search.skipped}" if str(search.skipped) else ""
    raise PlanError(f"{folder}: the folder holds no pictures; looked for {search.wanted} in it and below{found}")


def _from_pattern(pattern: str, folders: list[Path], search: _Search) -> list[Input]:
    place = locate(pattern)
    parts = place.parts
    first = next(index for index, part in enumerate(parts) if _has_wildcard(part))
    base, rest = place.parents[len(parts) - first - 1], parts[first:]
    if rest[-1] == "**":
        rest = (*rest, "*")
    # A pattern such as **/*.png would find the maps of this run in the next one; **/*.jpg would not.
    if "**" in rest and PurePath(rest[-1]).suffix.lower() not in set(search.suffixes) - {".png", ".mp4"}:
        folders.append(base)
    files = dict(search.below(base, rest)) if is_folder(base) else {}
    if not files:
        raise PlanError(
            f"{pattern}: the pattern matches no picture; looked for {search.wanted}; a pattern names files: "
            "end it in ** to take in whole folders"
        )
    return _sorted_inputs(files.items())


def _from_list(argument: str) -> list[Input]:
    source = locate(argument[1:])
    try:
        text = read_text(source)
    except UnreadableTextError as error:
        hint = f"; for the file itself write ./{argument}" if is_taken(Path(argument)) else ""
        raise PlanError(f"{argument}: the list {source} cannot be read ({error}){hint}") from None
    items = []
    own = _Folder(source.parent)
    for number, raw in enumerate(text.split("\n"), start=1):  # splitlines() would also split at U+2028
        line = meant_by(raw, source.parent)
        if line is None:
            continue
        path = in_list(line, source.parent)
        if is_folder(path):
            raise PlanError(f"{source}: line {number} names the folder {line}; a list holds files only")
        items.append(Input(path, own.key_of(path)))
    if not items:
        raise PlanError(f"{source}: the list names no file; write one path a line")
    if not any(item.path.suffix.lower() in SUFFIXES or is_taken(item.path) for item in items):
        first = shorten(str(items[0].path), _LETTERS)
        raise PlanError(
            f"{source}: no line names a file that is there, or could be a picture by its suffix, such as {first}; "
            "write one path a line, with its suffix, from the folder of the list on"
        )
    return items


class _Folder:
    """The folder of a list, from which on keys keep their paths."""

    def __init__(self, folder: Path) -> None:
        self._named = _plain(folder)
        self._real = Path(real(folder))
        self._reals: dict[Path, Path] = {}  # of folders of what does not lie in it by its name

    def key_of(self, path: Path) -> PurePosixPath:
        """The path of a file in it, or in a folder below, whichever way it is named; the stem of any other."""
        named = _plain(path)
        inside = self._below(named.parent) if ".." not in named.parts else None  # of an address, which names nothing
        return PurePosixPath(*(inside.parts if inside else ()), named.stem)

    def _below(self, folder: Path) -> PurePath | None:
        if folder.is_relative_to(self._named):
            return folder.relative_to(self._named)
        if isinstance(folder, StorePath):
            return None
        if folder not in self._reals:
            self._reals[folder] = Path(real(folder))
        in_fact = self._reals[folder]
        return in_fact.relative_to(self._real) if in_fact.is_relative_to(self._real) else None


def _plain(path: Path) -> Path:
    """A path from the root on, without `.` and `..` in it."""
    return path if isinstance(path, StorePath) else Path(os.path.normpath(path.absolute()))


def in_list(line: str, folder: Path) -> Path:
    """Where what a line of a list names lies, as `meant_by` has it; the list lies in `folder`."""
    return locate(line) if is_address(line) else folder / line


def meant_by(line: str, folder: Path) -> str | None:
    """What a line of a list names: itself, or what it was meant for where that is there; None for a comment.

    People quote paths, leave spaces at their ends, or the commas of a table; Windows writes backslashes.
    """
    bare = line.strip()
    if not bare:
        return None
    alone = bare.rstrip(",;")
    unquoted = _unquoted(alone)
    if is_address(unquoted):
        return unquoted
    for meant in (line, bare, _unquoted(bare), alone, unquoted, _at_home(unquoted), unquoted.replace("\\", "/")):
        if is_taken(folder / meant):
            return meant
    return None if bare.startswith("#") else line


def _unquoted(name: str) -> str:
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'" else name


def _at_home(name: str) -> str:
    try:
        return str(Path(name).expanduser()) if name.startswith("~") else name
    except RuntimeError:  # nobody is called so here
        return name


def _sorted_inputs(files: Iterable[tuple[tuple[str, ...], Path]]) -> list[Input]:
    ordered = sorted(files, key=lambda item: ([_natural(part) for part in item[0]], item[0]))
    return [Input(path, PurePosixPath(*parts[:-1], PurePath(parts[-1]).stem)) for parts, path in ordered]


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts 2.jpg before 10.jpg and ignores case."""
    pieces = re.split(r"([0-9]+)", name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in pieces if piece]


def _is_pattern(argument: str) -> bool:
    """Whether it is one, and no list, and no file or folder that has such a name."""
    if not _has_wildcard(argument) or argument.startswith("@"):
        return False
    path = locate(argument)
    return not (isinstance(path, StorePath) and path.is_on_the_web) and not is_taken(path)


def _has_wildcard(text: str) -> bool:
    return any(sign in text for sign in "*?[")
