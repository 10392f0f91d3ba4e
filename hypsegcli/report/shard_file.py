"""The file that a shard of an evaluation leaves: its part of all sums, from which the report is made without images."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hypsegcli.budget import LARGEST_SHARD, LARGEST_TEXT
from hypsegcli.errors import DataError, HypsegError, UsageError, first_line, is_out_of_memory, setting
from hypsegcli.files.digest import digest_stream
from hypsegcli.files.regular import open_regular
from hypsegcli.files.shard import MOST, Shard
from hypsegcli.metrics.record import Record
from hypsegcli.report.asked import Asked
from hypsegcli.report.npz import read_array
from hypsegcli.report.part import Part
from hypsegcli.report.plan import Plan
from hypsegcli.scores.bootstrap import Bootstrap, sums_shape
from hypsegcli.scores.evaluation import STAGES, Evaluation, Hashes, ImageRow
from hypsegcli.scores.gallery import KEPT, Gallery, Ranked
from hypsegcli.scores.tally import Tally
from hypsegcli.truth.contradicted import Witness
from hypsegcli.truth.plane_order import Agreement

_LARGEST_HEAD = 2**26  # bytes: ten thousand names of nodes take one
_LARGEST_PICTURES = 2**26  # bytes of the strips of a gallery, which have at most a third of a million each
_NUMBERS = len(ImageRow._fields) - 3  # of a row, beside its key and its pixels
_SIGNED = "tally.correlation"  # the only sum that may lie below 0
_WEIGHTED = "bootstrap"  # those of every replicate, which are never added to each other
_MOST_COUNTED, _MOST_PIXELS = 2.0**62, 2.0**53  # which float64 counts exactly

Arrays = dict[str, NDArray[Any]]


class Head(Record):
    """What a shard's file says of itself; of all shards of an evaluation the same, but for what is the shard's own."""

    hypseg_version: str
    index: int = Field(ge=0)
    of: int = Field(ge=1, le=MOST)
    plan: Plan
    asked: Asked
    replace: bool  # whether results that are there already may be replaced
    doubts: list[str]
    changed: list[str]
    hashes: tuple[str, str, str]  # hexadecimal, of keys, masks and images
    seconds: dict[str, float]

    @model_validator(mode="after")
    def _fits(self) -> Head:
        if self.index >= self.of or set(self.seconds) != set(STAGES):
            raise ValueError("it is that of no shard")
        return self

    @property
    def shard(self) -> Shard:
        """Which one it is."""
        return Shard(self.index, self.of)


class ShardFile(NamedTuple):
    """A shard's file, read."""

    head: Head
    part: Part
    sha256: str  # of all of it


def refuse_too_large(asked: Asked) -> None:
    """UsageError where the sums of an evaluation are larger than is read again."""
    if (size := 8 * sum(math.prod(shape) for shape in _shapes(asked).values())) > LARGEST_SHARD:
        raise UsageError(
            f"the sums of {asked.tree.classes} classes, {len(asked.measures)} measures and {asked.replicates} "
            f"replicates take {size:,} bytes, more than the {LARGEST_SHARD:,} that a shard may have; take fewer "
            f"replicates with {setting('bootstrap')}"
        )


def write_shard(file: BinaryIO, part: Part, shard: Shard, plan: Plan, *, replace: bool) -> None:
    """Write an .npz: whole numbers, texts as bytes, pictures as they are; no objects."""
    evaluation = part.evaluation
    head = Head(
        hypseg_version=version("hypseg"),
        index=shard.index,
        of=shard.of,
        plan=plan,
        asked=part.asked,
        replace=replace,
        doubts=part.doubts,
        changed=part.changed,
        hashes=_in_hex(evaluation.hashes),
        seconds=evaluation.seconds,
    )
    arrays: Arrays = {"head": np.frombuffer(head.model_dump_json().encode(), np.uint8)}
    arrays |= {f"tally.{name}": getattr(evaluation.tally, name) for name in Tally.shapes(evaluation.scheme)}
    arrays |= {
        "bootstrap": evaluation.bootstrap.sums,
        "witness": part.witness.counts,
        "agreement": part.agreement.counts,
        "known": part.known,
        "marks": _joined(evaluation.marks),
        "rows.keys": _joined([row.key for row in part.rows]),
        "rows.pixels": np.array([row[1:3] for row in part.rows], np.int64).reshape(-1, 2),
        "rows.numbers": np.array([row[3:] for row in part.rows], np.float64).reshape(-1, _NUMBERS),
    }
    for name, gallery in (("worst", evaluation.worst), ("uncertain", evaluation.uncertain)):
        arrays |= {
            f"{name}.keys": _joined([kept.key for kept in gallery.kept]),
            f"{name}.ranks": np.array([kept.rank for kept in gallery.kept], np.float64),
            f"{name}.lengths": np.array([len(kept.picture) for kept in gallery.kept], np.int64),
            f"{name}.pictures": np.frombuffer(b"".join(kept.picture for kept in gallery.kept), np.uint8),
        }
    np.savez_compressed(file, allow_pickle=False, **arrays)


def read_head(path: Path) -> Head:
    """What a shard's file says of itself.

    Raises DataError for a file that is damaged or none of a shard, UsageError for one of another version of hypseg.
    """
    with _opened(path) as (archive, _):
        return _head(archive, path)


def read_shard(path: Path) -> ShardFile:
    """All that a shard's file holds; raises what `read_head` does, and unpacks nothing larger than its head allows."""
    with _opened(path) as (archive, file):
        head = _head(archive, path)
        part = _read_part(archive, head)
        return ShardFile(head, part, digest_stream(file).sha256)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[ZipFile, BinaryIO]]:
    try:
        with open_regular(path) as file, ZipFile(file) as archive:
            yield archive, file
    except HypsegError:
        raise
    except Exception as error:  # a damaged archive raises nearly every kind there is
        if is_out_of_memory(error):
            raise
        raise DataError(
            f"{path}: cannot be read as a shard of an evaluation ({first_line(error)}); evaluate that shard again with "
            f"{setting('overwrite')}"
        ) from error


def _head(archive: ZipFile, path: Path) -> Head:
    text = read_array(archive, "head", np.uint8, most=_LARGEST_HEAD).tobytes()
    made, here = json.loads(text)["hypseg_version"], version("hypseg")
    if made != here:
        raise UsageError(
            f"{path}: hypseg {made!s:.40} has made it, and this is {here}; merge with that version, or evaluate again"
        )
    head = Head.model_validate_json(text)
    refuse_too_large(head.asked)
    return head


def _read_part(archive: ZipFile, head: Head) -> Part:
    asked, shapes = head.asked, _shapes(head.asked)
    sums = {name: _counts(archive, name, shape) for name, shape in shapes.items()}
    evaluation = Evaluation(asked.scheme, replicates=0)
    evaluation.tally = Tally(**{name: sums[f"tally.{name}"] for name in Tally.shapes(asked.scheme)})
    evaluation.bootstrap = Bootstrap.of_sums(asked.scheme, sums["bootstrap"])
    evaluation.hashes = Hashes(*(int(text, 16) for text in head.hashes))
    evaluation.seconds = dict(head.seconds)
    evaluation.marks = _texts(archive, "marks")
    for name, gallery in (("worst", evaluation.worst), ("uncertain", evaluation.uncertain)):
        _read_gallery(archive, name, gallery)
    part = Part.of(asked, evaluation)
    part.rows = _read_rows(archive, images=len(head.shard.take(range(head.plan.images))))
    if len(part.rows) != int(evaluation.tally.images[0]):
        raise ValueError("its rows and its counts are of different images")
    part.witness.counts += sums["witness"]
    part.agreement.counts += sums["agreement"]
    part.known += sums["known"]
    part.doubts, part.changed = head.doubts, head.changed
    return part


def _shapes(asked: Asked) -> dict[str, tuple[int, ...]]:
    """Of the sums, by name; all are int64."""
    scheme = asked.scheme
    return {
        **{f"tally.{name}": shape for name, shape in Tally.shapes(scheme).items()},
        "bootstrap": sums_shape(scheme, asked.replicates),
        "witness": Witness(scheme.classes).counts.shape,
        "agreement": Agreement().counts.shape,
        "known": (len(asked.known),),
    }


def _counts(archive: ZipFile, name: str, shape: tuple[int, ...]) -> NDArray[np.int64]:
    values = read_array(archive, name, np.int64, most=8 * math.prod(shape))
    if values.shape != shape:
        raise ValueError(f"{name} has the shape {values.shape}, expected {shape}")
    if name != _SIGNED and values.size and values.min() < 0:
        raise ValueError(f"{name} counts less than nothing")
    if name != _WEIGHTED and values.sum(dtype=np.float64) > (_MOST_PIXELS if "tables" in name else _MOST_COUNTED):
        raise ValueError(f"{name} counts more than fits into whole numbers")
    return values


def _read_rows(archive: ZipFile, *, images: int) -> list[ImageRow]:
    keys = _texts(archive, "rows.keys")
    pixels = read_array(archive, "rows.pixels", np.int64, most=16 * len(keys))
    numbers = read_array(archive, "rows.numbers", np.float64, most=8 * _NUMBERS * len(keys))
    if len(keys) != images or pixels.shape != (images, 2) or numbers.shape != (images, _NUMBERS):
        raise ValueError(f"it has {len(keys)} rows, expected {images}")
    return [
        ImageRow(key, *counts, *rest) for key, counts, rest in zip(keys, pixels.tolist(), numbers.tolist(), strict=True)
    ]


def _read_gallery(archive: ZipFile, name: str, gallery: Gallery) -> None:
    keys = _texts(archive, f"{name}.keys")
    ranks = read_array(archive, f"{name}.ranks", np.float64, most=8 * KEPT)
    lengths = read_array(archive, f"{name}.lengths", np.int64, most=8 * KEPT)
    pictures = read_array(archive, f"{name}.pictures", np.uint8, most=_LARGEST_PICTURES)
    if ranks.shape != (len(keys),) or lengths.shape != ranks.shape or lengths.sum() != pictures.size:
        raise ValueError(f"its {name} images are incomplete")
    ends = np.cumsum(lengths).tolist()
    files = [pictures[end - length : end].tobytes() for end, length in zip(ends, lengths.tolist(), strict=True)]
    gallery.kept = [Ranked(*each) for each in zip(ranks.tolist(), keys, files, strict=True)]


def _joined(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts as bytes, each with a zero behind it, which no path holds; names of files keep their own bytes."""
    return np.frombuffer("".join(f"{text}\0" for text in texts).encode("utf-8", "surrogateescape"), np.uint8)


def _texts(archive: ZipFile, name: str) -> list[str]:
    joined = read_array(archive, name, np.uint8, most=LARGEST_TEXT).tobytes()
    return joined.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _in_hex(hashes: Hashes) -> tuple[str, str, str]:
    return f"{hashes.keys:064x}", f"{hashes.masks:064x}", f"{hashes.images:064x}"
