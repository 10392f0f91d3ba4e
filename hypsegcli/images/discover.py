"""Command-line arguments to a list of pictures, before anything is decoded.

An argument is a file, a folder, a quoted glob pattern, or `@list.txt`. Each picture gets a key: the name of
its outputs, relative to the output folder and without suffix.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath

from hypsegcli.errors import PlanError
from hypsegcli.images.formats import SUFFIXES

_LOOKED_FOR = ", ".join(SUFFIXES)
_Identity = tuple[int, int]


@dataclass(frozen=True)
class Input:
    """One picture: where it is, and the relative name, without suffix, of what is made from it."""

    path: Path
    key: PurePosixPath


@dataclass(frozen=True)
class Inputs:
    """All pictures of a run in order, and the folders that were named as inputs."""

    images: tuple[Input, ...]
    folders: tuple[Path, ...]


def find_inputs(arguments: Sequence[str]) -> Inputs:
    """Find the pictures that `arguments` name, in the order of the arguments, folders in natural order.

    A file: its key is its stem. A folder: searched through, symbolic links followed, hidden names skipped;
    keys keep the path within it. A glob pattern, in which `**` stands for any folders: keys keep the path
    from the first wildcard on. `@list.txt`: UTF-8, one path a line, relative to the list's own folder;
    `#` starts a comment line. The same file under the same key counts once.

    Raises PlanError for an argument that leads to no picture. A path in a list is not looked at: one that
    is missing is one failed picture of the run and not the end of it.
    """
    inputs: dict[tuple[str, PurePosixPath], Input] = {}
    folders: list[Path] = []
    for argument in arguments:
        for item in _expand(argument, folders):
            inputs.setdefault((os.path.realpath(item.path), item.key), item)
    return Inputs(tuple(inputs.values()), tuple(dict.fromkeys(folders)))


def _expand(argument: str, folders: list[Path]) -> list[Input]:
    if not argument:
        raise PlanError("an input is empty; give a file, a folder (. is this one), a pattern or @list.txt")
    if argument.startswith("@"):
        return _from_list(argument)
    path = Path(argument)
    if _is_dir(path):
        folders.append(path)
        return _from_folder(path)
    if os.path.lexists(path):  # a broken link included: decoding says so
        return [Input(path, PurePosixPath(path.stem))]
    if _has_wildcard(argument):
        return _from_pattern(argument, folders)
    raise PlanError(f"{argument}: there is no such file or folder; check the name")


def _from_folder(folder: Path) -> list[Input]:
    files = [(parts, path) for parts, path in _walk(folder, ("**", "*"))]
    if files:
        return _sorted_inputs(files)
    if next(iter(_list(folder)), None) is None:
        raise PlanError(f"{folder}: the folder is empty; name a folder that holds pictures")
    raise PlanError(f"{folder}: the folder holds no pictures; looked for {_LOOKED_FOR} in it and below")


def _from_pattern(pattern: str, folders: list[Path]) -> list[Input]:
    parts = PurePath(pattern).parts
    first = next(index for index, part in enumerate(parts) if _has_wildcard(part))
    base, rest = Path(*parts[:first]), parts[first:]
    if rest[-1] == "**":
        rest = (*rest, "*")
    # A pattern such as **/*.png would find the maps of this run in the next one; **/*.jpg would not.
    if "**" in rest and PurePath(rest[-1]).suffix.lower() not in set(SUFFIXES) - {".png"}:
        folders.append(base)
    files = dict(_walk(base, rest)) if _is_dir(base) else {}
    if not files:
        raise PlanError(
            f"{pattern}: the pattern matches no picture; looked for {_LOOKED_FOR}; a pattern names files: "
            "end it in ** to take in whole folders"
        )
    return _sorted_inputs(files.items())


def _from_list(argument: str) -> list[Input]:
    source = Path(argument[1:])
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PlanError(f"{source}: the list is not UTF-8 text; save it as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = f"; for the file itself write ./{argument}" if os.path.lexists(argument) else ""
        raise PlanError(f"{argument}: the list {source} cannot be read ({reason}){hint}") from None
    items = []
    for number, raw in enumerate(text.split("\n"), start=1):  # splitlines() would also split at U+2028
        line = raw.removesuffix("\r")
        if not line.strip() or line.startswith("#"):
            continue
        if "\0" in line:
            raise PlanError(f"{source}: line {number} is not text; a list holds one path a line")
        path = source.parent / line
        if _is_dir(path):
            raise PlanError(f"{source}: line {number} names the folder {line}; a list holds files only")
        listed = PurePath(line)
        keeps_folders = not listed.is_absolute() and ".." not in listed.parts
        key = PurePosixPath(*listed.parent.parts, listed.stem) if keeps_folders else PurePosixPath(listed.stem)
        items.append(Input(path, key))
    if not items:
        raise PlanError(f"{source}: the list names no file; write one path a line")
    return items


def _walk(
    folder: Path,
    pattern: tuple[str, ...],
    parts: tuple[str, ...] = (),
    above: frozenset[_Identity] = frozenset(),
) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Yield the pictures below `folder` that match, as (parts of the relative path, path).

    `above` holds the folders we are in: a link back to one of them is a loop. A pattern with two `**` may
    yield a file twice.
    """
    status = folder.stat()
    here = above | {(status.st_dev, status.st_ino)}
    if len(here) == len(above):
        return
    wanted, rest = pattern[0], pattern[1:]
    if wanted == "**":
        yield from _walk(folder, rest, parts, above)
    for entry in _list(folder):
        name = entry.name
        if name.startswith(".") and not (wanted.startswith(".")):
            continue
        if _is_dir(Path(entry.path)):
            if wanted == "**":
                yield from _walk(folder / name, pattern, (*parts, name), here)
            elif rest and fnmatchcase(name, wanted):
                yield from _walk(folder / name, rest, (*parts, name), here)
        elif not rest and fnmatchcase(name, wanted) and _is_picture(entry):
            yield (*parts, name), folder / name


def _is_picture(entry: os.DirEntry[str]) -> bool:
    # Sockets and pipes would block; a broken link is kept, so that it fails by name instead of vanishing.
    return PurePath(entry.name).suffix.lower() in SUFFIXES and (entry.is_file() or entry.is_symlink())


def _list(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise PlanError(f"{folder}: the folder cannot be read ({error.strerror}); check its permissions") from None


def _sorted_inputs(files: Iterable[tuple[tuple[str, ...], Path]]) -> list[Input]:
    ordered = sorted(files, key=lambda item: ([_natural(part) for part in item[0]], item[0]))
    return [Input(path, PurePosixPath(*parts[:-1], PurePath(parts[-1]).stem)) for parts, path in ordered]


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts 2.jpg before 10.jpg and ignores case."""
    pieces = re.split(r"([0-9]+)", name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in pieces if piece]


def _has_wildcard(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long, or a folder we may not look into
        return False
