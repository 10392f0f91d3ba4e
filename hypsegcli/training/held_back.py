"""Which images of many are kept for something else: always the same ones, and nearly the same when more are added."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from hypsegcli.files.text import composed


def held_back(keys: Iterable[str], count: int) -> frozenset[str]:
    """Of some keys the `count` whose SHA-256 is smallest.

    It looks at names alone, and no neighbours: where images are added, few of the others change sides, so that what was
    held back once is mostly held back again.
    """
    return frozenset(sorted(keys, key=_place)[:count])


def _place(key: str) -> str:
    return hashlib.sha256(composed(key).encode("utf-8", "surrogatepass")).hexdigest()
