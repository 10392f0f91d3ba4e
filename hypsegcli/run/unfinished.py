"""What run.json says of what a run was to do and has not finished; it may hold anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any

from hypsegcli.files.place import locate
from hypsegcli.run.manifest import Line
from hypsegcli.run.plan import PlannedImage


def to_be_written(images: Sequence[PlannedImage], further: Collection[str]) -> dict[str, Any]:
    """What run.json says of what a run has not finished: images by key, the suffix of every kind, further files.

    An image has its file, as it was given, from a directory.
    """
    outputs = images[0].outputs if images else {}
    return {
        "images": {str(planned.key): str(planned.source) for planned in images},
        "directory": str(Path.cwd()),
        "outputs": {kind: path.suffix for kind, path in outputs.items()},
        "files": sorted(further),
    }


def never_done(run: Mapping[str, Any]) -> list[Line]:
    """Key and place of the images that a run, as run.json has it, was to do and has not finished."""
    try:
        images, directory = dict(run["unfinished"]["images"]), str(run["unfinished"]["directory"])
    except (KeyError, TypeError, ValueError):
        return []
    return [
        {"key": key, "input": source} | ({} if locate(source).is_absolute() else {"directory": directory})
        for key, source in images.items()
        if isinstance(source, str)
    ]


def reached(run: Mapping[str, Any], earlier: Mapping[str, Line]) -> list[str]:
    """Keys of the images that were between a run's threads as it was cut short: it writes image after image."""
    images = list(part_of_unfinished(run, "images"))
    try:
        most = int(run["options"]["workers"]) + 1  # between the network and their lines, which come in order
    except (KeyError, OverflowError, TypeError, ValueError):
        return []

    def has_line(key: str) -> bool:
        return earlier.get(key, {}).get("status") in {"done", "failed"}  # which it has been since

    return [key for key in islice(dropwhile(has_line, images), most) if not has_line(key)]


def begun(run: Mapping[str, Any], earlier: Mapping[str, Line]) -> list[str]:
    """Keys of images of which a run may have written files without a line, as far as its books can tell.

    Where it came to no end, or one that nobody foresaw, any: several devices have begun more images than one, the books
    in a bucket are behind, and a power cut takes lines too.
    """
    if run.get("status") not in {"running", "aborted"}:
        return reached(run, earlier)
    images = part_of_unfinished(run, "images")
    return [key for key in images if earlier.get(key, {}).get("status") not in {"done", "failed"}]


def files_to_replace(run: Mapping[str, Any]) -> frozenset[str]:
    """Files of somebody's that a run, as run.json has it, was told to replace and has not, from its folder on."""
    found = run.get("replaces")
    return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()


def part_of_unfinished(run: Mapping[str, Any], name: str) -> Any:
    """A part of what run.json says of what is still to be written; empty where it says nothing."""
    found = run["unfinished"].get(name) if isinstance(run.get("unfinished"), dict) else None
    return found if isinstance(found, list if name == "files" else dict) else {}
