"""manifest.jsonl and run.json as they are read: what means something, whatever else the files hold."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from hypsegcli.files.books import MANIFEST, RUN
from hypsegcli.files.digest import Digest
from hypsegcli.files.regular import open_regular

Line = dict[str, Any]

_LARGEST = 1e300  # number of a summary; JSON has larger ones, and what is no number, which is not above it either


def read_manifest(out: Path) -> dict[str, Line]:
    """The lines of the images in a run's folder, by key, the last of each; none where there is no manifest.

    What is no line of ours is passed over: one that was cut off when a run was killed, or that somebody has edited.
    """
    try:
        with open_regular(out / MANIFEST) as file:
            text = file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    lines = {}
    for raw in text.split("\n"):
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):  # not JSON, a number of thousands of digits, lists in lists
            continue
        if _is_line(line):
            lines[line["key"]] = line
    return lines


def read_run(out: Path) -> dict[str, Any]:
    """run.json in a run's folder; empty where it is not there or is no object of JSON."""
    try:
        with open_regular(out / RUN) as file:
            run = json.loads(file.read().decode("utf-8", "surrogateescape"))
    except (OSError, ValueError, RecursionError):
        return {}
    return run if isinstance(run, dict) else {}


def place_of(source: Path) -> Line:
    """What a line says of where its image lies: the path as it was given, and from where a relative one is meant."""
    place = {"input": str(source)}
    return place if source.is_absolute() else place | {"directory": str(Path.cwd())}


def input_of(line: Mapping[str, Any]) -> Path:
    """The file of an image, from whichever directory it is looked for."""
    return Path(line.get("directory", ""), line["input"])


def source_of(line: Mapping[str, Any]) -> Digest:
    """What was decoded of the file of an image that is done."""
    return Digest(line["source"]["bytes"], line["source"]["sha256"])


def outputs_of(line: Mapping[str, Any]) -> dict[str, tuple[PurePosixPath, Digest]]:
    """The files of an image that is done, by kind: where they are below the run's folder, and what they hold."""
    return {
        kind: (PurePosixPath(path), Digest(line["bytes"][kind], line["sha256"][kind]))
        for kind, path in line["outputs"].items()
    }


def _is_line(line: object) -> bool:
    """Whether it has what is read of lines, each of its type."""
    if not isinstance(line, dict) or not all(isinstance(line.get(name), str) for name in ("key", "input")):
        return False
    if not isinstance(line.get("directory", ""), str):
        return False
    if line.get("status") == "failed":
        return isinstance(line.get("reason"), str)
    source, outputs = line.get("source"), line.get("outputs")
    return (
        line.get("status") == "done"
        and isinstance(line.get("recipe"), str)
        and all(type(line.get(name)) is int for name in ("height", "width"))
        and _all_are(line.get("summary"), int | float)
        and all(abs(number) <= _LARGEST for number in line["summary"].values())
        and isinstance(notes := line.get("notes"), list)
        and all(isinstance(note, str) for note in notes)
        and isinstance(source, dict)
        and type(source.get("bytes")) is int
        and isinstance(source.get("sha256"), str)
        and _all_are(outputs, str)
        and all(_is_below(path) for path in outputs.values())
        and _all_are(line.get("bytes"), int)
        and _all_are(line.get("sha256"), str)
        and outputs.keys() == line["bytes"].keys() == line["sha256"].keys()
    )


def _all_are(found: object, kind: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(found, dict) and all(isinstance(value, kind) for value in found.values())


def _is_below(path: str) -> bool:
    """Whether it can be a file in the folder that it is relative to."""
    try:
        os.fsencode(path)
    except UnicodeError:
        return False
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not PurePosixPath(path).is_absolute() and "\0" not in path
