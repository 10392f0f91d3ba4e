"""Lines of manifest.jsonl, and what of run.json means something, whatever else the files hold."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeGuard

from hypsegcli.files.books import TABLES, film_of, is_of_all_images
from hypsegcli.files.digest import Digest
from hypsegcli.files.kinds import FILMED, RANKED
from hypsegcli.files.place import is_address, locate, real
from hypsegcli.files.regular import open_regular

Line = dict[str, Any]
Age = tuple[int, str]  # of books: how many numbers of shards there were before, and when theirs began
OLDEST: Age = (-1, "")

_OF_FILES = ("outputs", "bytes", "sha256")
_GOING = "going"  # kinds of those that the run which the line is of does not make: it was allowed to remove them
_OF_ANOTHER = "of_another"  # how old the line is which a shard keeps of an image that is another's by now
_AGAIN = "again"  # that a shard of a run which is to do an image otherwise has not come to it
_OF_FAILURES = ("code", "reason")
_LARGEST = 1e300  # number of a summary; JSON has larger ones, and what is no number, which is not above it either
_NO_SIGNATURE = "0" * 128
MOST_REGIONS = 1000  # of an image, that its line may have


def read_object(path: Path) -> dict[str, Any]:
    """What a run.json says; empty where it is not there or is no object of JSON."""
    try:
        with open_regular(path) as file:
            found = json.loads(file.read().decode("utf-8", "surrogateescape"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def files_of(run: Mapping[str, Any]) -> dict[str, Digest]:
    """Files of the whole run, by name, that a run.json tells of; none but those that a run writes."""
    try:
        files = run["files"]
        return {name: Digest(files[name]["bytes"], files[name]["sha256"]) for name in files if is_of_all_images(name)}
    except (AttributeError, KeyError, TypeError):
        return {}


def place_of(source: Path, frame: int | None = None, page: int | None = None) -> Line:
    """What a line says of where its image lies: the path as it was given, and from where a relative one is meant.

    And of a video, which frame, of a TIFF of several pages, which page.
    """
    place: Line = {"input": str(source)}
    place |= {} if source.is_absolute() else {"directory": str(Path.cwd())}
    part = {"frame": frame, "page": page}
    return place | {name: number for name, number in part.items() if number is not None}


def part_of(line: Mapping[str, Any]) -> int | None:
    """The number of the frame or page that an image is; None where its file is one picture."""
    found: int | None = line.get("frame", line.get("page"))
    return found


def placed(line: Line, source: Path) -> Line:
    """The line of an image that lies elsewhere by now, or is meant from another directory."""
    rest = {name: value for name, value in line.items() if name not in {"key", "input", "directory"}}
    return {"key": line["key"], **place_of(source), **rest}


def input_of(line: Mapping[str, Any]) -> Path:
    """The file of an image, from whichever directory it is looked for."""
    if is_address(line["input"]):
        return locate(line["input"])
    return Path(line.get("directory", ""), line["input"])


def input_from_here(line: Mapping[str, Any]) -> str:
    """The file of an image as it was given, if that means it from the present directory too, else its whole path."""
    is_from_here = "directory" not in line or line["directory"] == str(Path.cwd())
    return str(locate(line["input"]) if is_from_here else input_of(line))


def real_place(path: Path, folders: dict[Path, str]) -> str:
    """Where a file lies, a link at its own place, whichever way its folder was named; `folders` remembers those."""
    if path.parent not in folders:
        folders[path.parent] = real(path.parent)
    return os.path.join(folders[path.parent], path.name)  # noqa: PTH118 (of a hundred thousand)


def source_of(line: Mapping[str, Any]) -> Digest:
    """What was decoded of the file of an image that is done."""
    return Digest(line["source"]["bytes"], line["source"]["sha256"])


def outputs_of(line: Mapping[str, Any]) -> dict[str, tuple[PurePosixPath, Digest]]:
    """The files of an image, by kind: where they are below the run's folder, and what they hold; see read_manifest."""
    return {
        kind: (PurePosixPath(path), Digest(line["bytes"][kind], line["sha256"][kind]))
        for kind, path in line.get("outputs", {}).items()
    }


def goes_into(line: Line) -> Iterator[str]:
    """The files of the whole run, by name, that an image's own go into, whether or not there are any."""
    if RANKED in line.get("outputs", {}):
        yield from TABLES
    if "frame" in line:
        clip = line["key"].rpartition("/")[0]
        yield from (film_of(kind, clip) for kind in FILMED if kind in line.get("outputs", {}))


def files_named_by(line: Line) -> Line:
    """Of a line, what tells its files."""
    return {name: line[name] for name in (*_OF_FILES, _GOING) if line.get(name)}


def without_result(line: Line, status: Literal["stale", "dropped"]) -> Line:
    """The line of an image that is to be done, again perhaps, or never, until it is: its files must not be forgotten.

    Nor must it that it failed.
    """
    place = {name: line[name] for name in ("key", "input", "directory", "frame", "page") if name in line}
    failure = {name: line[name] for name in _OF_FAILURES if name in line}
    going = {_GOING: line[_GOING]} if _GOING in line else {}
    return place | {"status": status} | failure | {name: line.get(name, {}) for name in _OF_FILES} | going


def to_be_made(line: Line, kinds: Collection[str]) -> Line:
    """The line of an image that a run is to make maps of some kinds of; those of others that it has are to go."""
    stale = without_result(line, "stale")
    going = [kind for kind in outputs_of(line) if kind not in kinds]
    return without_going(stale) | ({_GOING: going} if going else {})


def may_lose(line: Line, kinds: Collection[str]) -> Line:
    """The line of an image that is done, of which a run has been told to make maps of some kinds and no others."""
    going = [kind for kind in outputs_of(line) if kind not in kinds]
    return line | {_GOING: going} if going else line


def without_going(line: Line) -> Line:
    """The line of an image whose maps stay as they are."""
    return {name: value for name, value in line.items() if name != _GOING}


def is_given_up(line: Line, kind: str) -> bool:
    """Whether a run that has not come to an image was allowed to remove its map of a kind."""
    return kind in line.get(_GOING, [])


def for_another(line: Line, age: Age = OLDEST) -> Line:
    """The line of an image that a shard was asked for before, at an age, and is not by now.

    Should another have one that is as new, that holds: what is every how-manieth image changes with their number.
    """
    return line if is_for_another(line) else line | {_OF_ANOTHER: list(age)}


def kept_since(line: Line) -> Age:
    """How old a line is that a shard has kept for another."""
    match line[_OF_ANOTHER]:
        case [int(generation), str(started)]:
            return generation, started
    return OLDEST


def is_for_another(line: Line) -> bool:
    """Whether a shard keeps a line for whichever has the image by now."""
    return _OF_ANOTHER in line


def of_whoever_has_it(line: Line) -> Line:
    """A line that a shard has kept for another, as that one would have it."""
    return {name: value for name, value in line.items() if name != _OF_ANOTHER} if is_for_another(line) else line


def to_be_done_again(line: Line) -> Line:
    """The line of an image that is done, and that a run was asked to do otherwise, which it never did."""
    return line | {_AGAIN: True}


def is_to_be_done_again(line: Line) -> bool:
    """Whether a run was asked to do an image otherwise that is done as a line says."""
    return _AGAIN in line


def as_it_is(line: Line) -> Line:
    """The line of an image that is done as it is to be, whatever runs in between were asked for."""
    return {name: value for name, value in without_going(line).items() if name != _AGAIN}


def has_failed(line: Line | None) -> bool:
    """Whether the image of a line failed when it was last tried."""
    return line is not None and line["status"] in {"failed", "stale"} and "reason" in line


def is_only_asked_for(line: Line) -> bool:
    """Whether a line says no more than that an image is to be done: nothing is left of it, and it has not failed."""
    return line["status"] == "stale" and not line.get("outputs") and not has_failed(line)


def is_cut_otherwise(line: Line, cuts: Callable[[int, int], bool]) -> bool:
    """Whether an image that is done went in windows where it would go whole now, or the other way; see Ledger."""
    return bool(line.get("windows") is not cuts(line["height"], line["width"]))


def dump(line: Line) -> str:
    """The line as the manifest has it."""
    return json.dumps(line) + "\n"


def is_line(line: object) -> TypeGuard[Line]:
    """Whether it has what is read of lines, each of its type."""
    if not isinstance(line, dict) or not all(isinstance(line.get(name), str) for name in ("key", "input")):
        return False
    if not isinstance(line.get("directory", ""), str):
        return False
    if any(type(line.get(part, 0)) is not int for part in ("frame", "page")):
        return False
    if line.get("status") == "failed":
        return isinstance(line.get("reason"), str) and ("outputs" not in line or _names_files(line))
    if line.get("status") in {"stale", "dropped"}:
        return _names_files(line)
    source = line.get("source")
    return (
        line.get("status") == "done"
        and isinstance(line.get("recipe"), str)
        and all(type(line.get(name)) is int for name in ("height", "width"))
        and _all_are(line.get("summary"), int | float)
        and all(abs(number) <= _LARGEST for number in line["summary"].values())
        and isinstance(notes := line.get("notes"), list)
        and all(isinstance(note, str) for note in notes)
        and isinstance(line.get("class", ""), str)
        and _is_signature(line.get("signature", _NO_SIGNATURE))
        and _are_regions(line.get("regions", []))
        and isinstance(source, dict)
        and type(source.get("bytes")) is int
        and isinstance(source.get("sha256"), str)
        and _names_files(line)
    )


def _is_signature(found: object) -> bool:
    """Whether it is that of an image, in hexadecimal digits."""
    return isinstance(found, str) and re.fullmatch(r"[0-9a-f]{128}", found, re.ASCII) is not None


def _are_regions(found: object) -> bool:
    """Whether they are regions of an image, each with its box, area, expected number of wrong pixels, and classes."""
    return (
        isinstance(found, list)
        and len(found) <= MOST_REGIONS
        and all(
            isinstance(region, dict)
            and isinstance(box := region.get("box"), list)
            and len(box) == 4
            and all(type(number) is int and 0 <= number <= _LARGEST for number in (*box, region.get("area")))
            and isinstance(wrong := region.get("expected_wrong"), int | float)
            and 0 <= wrong <= _LARGEST
            and bool(classes := region.get("classes"))
            and _all_are(classes, int)
            for region in found
        )
    )


def _names_files(line: Line) -> bool:
    outputs = line.get("outputs")
    return (
        _all_are(outputs, str)
        and all(is_below(path) for path in outputs.values())
        and _all_are(line.get("bytes"), int)
        and _all_are(line.get("sha256"), str)
        and outputs.keys() == line["bytes"].keys() == line["sha256"].keys()
        and isinstance(going := line.get(_GOING, []), list)
        and all(isinstance(kind, str) for kind in going)
    )


def _all_are(found: object, kind: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(found, dict) and all(isinstance(value, kind) for value in found.values())


def is_below(path: str) -> bool:
    """Whether it can be a file in the folder that it is relative to."""
    if path and path.isascii() and ".." not in path and "\0" not in path and not path.startswith(("/", ".")):
        return True  # of nearly all, and a run may have a million images
    try:
        os.fsencode(path)
    except UnicodeError:
        return False
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not PurePosixPath(path).is_absolute() and "\0" not in path
