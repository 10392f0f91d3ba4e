"""Which images an evaluation is of, told by hashes, so that its shards can be told from those of another one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from pydantic import Field

from hypsegcli.metrics.record import Record
from hypsegcli.truth.pairs import Pair


class Plan(Record):
    """All images of an evaluation in their order, of which a shard does a part."""

    images: int = Field(ge=0)
    keys_sha256: str  # of the keys in their order
    sizes_sha256: str  # of the sizes of their files: wherever those lie, other ones have other sizes
    origins_sha256: str  # of what the books of runs say of their maps, where these are scored


def plan_of(pairs: Sequence[Pair], maps: Mapping[Path, str]) -> Plan:
    """The plan that goes through these pairs, and the maps of theirs that are scored, each with where it is from."""
    paths = (path for pair in pairs for path in (pair.mask, pair.image) if path is not None)
    return Plan(
        images=len(pairs),
        keys_sha256=keys_sha256(pair.key for pair in pairs),
        sizes_sha256=_hashed(str(_size(path)).encode() for path in chain(paths, maps)),
        origins_sha256=_hashed(origin.encode() for origin in maps.values()),
    )


def keys_sha256(keys: Iterable[str]) -> str:
    """A hash of keys in their order."""
    return _hashed(key.encode("utf-8", "surrogateescape") for key in keys)


def _hashed(parts: Iterable[bytes]) -> str:
    sha256 = hashlib.sha256()
    for part in parts:
        sha256.update(part + b"\0")
    return sha256.hexdigest()


def _size(path: Path) -> int:
    """In bytes; -1 of a file that is not there, which whoever reads it tells."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
