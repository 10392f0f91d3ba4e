"""In what the settings of an earlier run differ from those of this one, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hypsegcli.errors import setting
from hypsegcli.files.words import shorten

_LETTERS = 80  # of a value
_IN_WORDS = _VERSION, _COMMAND, _CHECKPOINT = "version", "command", "checkpoint of SHA-256"
# Settings by their names in run.json, where they are called otherwise there.
_CALLED = {"measures": "measure", "outputs": "save", "tiling": "tile"}
_OFF = {"tiling", "longest_side"}  # what is off where it is nothing
# Sizes that change nothing in the pixels, and what follows from another setting.
_OF_NO_ACCOUNT = {
    "batch_size", "workers", "max_pixels", "request", "main", "probabilities", "embeddings", "prototypes", "full_scale",
    "ranking",
}  # fmt: skip


def differences(before: Mapping[str, Any], now: Mapping[str, Any], *, word: str = "now") -> list[str]:
    """What differs between two runs as run.json describes them, such as `measure distance (now calibrated)`.

    `before` may hold anything.
    """
    old, new = dict(_settings(before)), dict(_settings(json.loads(json.dumps(now))))
    found = []
    for name in new | old:
        # What only one of two commands has, the other was not told.
        if name not in _IN_WORDS and (name in old) != (name in new) and old.get(_COMMAND) != new.get(_COMMAND):
            continue
        was, is_now = old.get(name), new.get(name)
        if was != is_now:
            called = name if name in _IN_WORDS else setting(_CALLED.get(name, name))
            texts = tuple("off" if value is None and name in _OFF else _text(value) for value in (was, is_now))
            if texts[0] == texts[1]:  # windows of one side that overlap otherwise
                texts = (shorten(str(was), _LETTERS), shorten(str(is_now), _LETTERS))
            found.append(f"{called} {texts[0]} ({word} {texts[1]})")
    return found


def _settings(run: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Those that decide the pixels, flat."""
    versions, checkpoint, options = (_as_dict(run.get(name)) for name in ("versions", "checkpoint", "options"))
    yield _VERSION, versions.get("hypseg")
    yield _CHECKPOINT, str(checkpoint.get("sha256"))[:8]
    for name, value in (options | _as_dict(options.get("request"))).items():
        if name == "command":
            yield _COMMAND, value
        elif name == "tiling" and isinstance(value, dict):
            yield name, {part: number for part, number in value.items() if part != "above"}  # as memory allows
        elif name not in _OF_NO_ACCOUNT:
            yield name, value


def _as_dict(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    """As it would be typed, or nearly."""
    if isinstance(value, dict):
        value = value.get("tile", value)
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return "none" if value is None else shorten(str(value), _LETTERS)
