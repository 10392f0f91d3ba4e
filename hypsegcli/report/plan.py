"""Which images an evaluation is of, told by hashes, so that its shards can be told from those of another one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from pydantic import Field

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.files.regular import open_regular
from hypsegcli.metrics.record import Record
from hypsegcli.truth.pairs import Pair

_SAMPLES = 64  # masks, photographs and maps, of each, that are looked into
_SAMPLE = 2**20  # bytes from the beginning of each


class Plan(Record):
    """All images of an evaluation in their order, of which a shard does a part."""

    images: int = Field(ge=0)
    keys_sha256: str  # of the keys in their order
    sizes_sha256: str  # of the sizes of their files: wherever those lie, other ones have other sizes
    samples_sha256: str  # of what some of them hold, evenly among all, for files made anew may have their old sizes
    origins_sha256: str  # of what the books of runs say of their maps, where these are scored


def plan_of(pairs: Sequence[Pair], maps: Mapping[Path, str]) -> Plan:
    """The plan that goes through these pairs, and the maps of theirs that are scored, each with where it is from."""
    masks = [pair.mask for pair in pairs]
    images = [pair.image for pair in pairs if pair.image is not None]
    return Plan(
        images=len(pairs),
        keys_sha256=keys_sha256(pair.key for pair in pairs),
        sizes_sha256=_hashed(str(_size(path)).encode() for path in chain(masks, images, maps)),
        samples_sha256=_hashed(map(_beginning, chain.from_iterable(map(_evenly, (masks, images, [*maps]))))),
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


def _evenly(paths: Sequence[Path]) -> Sequence[Path]:
    return paths[:: max(1, -(-len(paths) // _SAMPLES))]


def _beginning(path: Path) -> bytes:
    """A hash of the first bytes of a file; of one that cannot be read that of none."""
    try:
        with open_regular(path.file if isinstance(path, AnnotatedMask) else path) as file:
            return hashlib.sha256(file.read(_SAMPLE)).digest()
    except (OSError, ValueError):  # of a name that cannot be
        return b""
