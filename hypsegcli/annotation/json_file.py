"""JSON of labelling tools: read whole, and written a piece at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from hypsegcli.budget import LARGEST_EXPORT
from hypsegcli.errors import DataError
from hypsegcli.files.regular import open_regular
from hypsegcli.files.text import composed
from hypsegcli.files.words import first_of
from hypsegcli.images.formats import SUFFIXES

_NAMED = 5


def read_json(path: Path) -> Any:
    """What a file holds; DataError where it is no JSON, or too large."""
    try:
        with open_regular(path) as file:
            data = file.read(LARGEST_EXPORT + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if len(data) > LARGEST_EXPORT:
        raise DataError(f"{path}: has more than {LARGEST_EXPORT:,} bytes; export fewer images at a time")
    return parse_json(data, path)


def parse_json(data: bytes, origin: object) -> Any:
    """What a text holds, which messages call by its origin."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{origin}: is no JSON that can be read ({error}); export it again") from error


def write_list(file: BinaryIO, items: Iterable[Any], *, before: str = "[", after: str = "]") -> None:
    """Write a list an item a line, each as it comes."""
    file.write(before.encode())
    for number, item in enumerate(items):
        file.write(f"{',' if number else ''}\n{json.dumps(item)}".encode())
    file.write(f"\n{after}".encode())


def key_of(name: str) -> str:
    """The path of an image without its suffix, if that is one of pictures, as tools write it, on Windows too."""
    path = PurePosixPath(composed(name).replace("\\", "/"))
    return str(path.with_suffix("") if path.suffix.lower() in SUFFIXES else path)


def refuse_namesakes(names: Mapping[str, list[str]], origin: Path) -> None:
    """DataError where several images have one key; `names` are theirs, by key."""
    if twice := [" and ".join(found) for found in names.values() if len(found) > 1]:
        raise DataError(
            f"{origin}: {len(twice)} images are there more than once under one name without its suffix: "
            f"{first_of(twice, _NAMED)}; nothing tells whose labels count: keep one of each"
        )
