"""TensorFlow's checkpoints, read without TensorFlow: an index of names, and files with the numbers one after another.

The index is a table of LevelDB's (https://github.com/google/leveldb/blob/main/doc/table_format.md) whose values are
messages of TensorFlow's `tensor_bundle.proto`. Checksums are not looked at; sizes are.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hypsegcli.errors import CheckpointError
from hypsegcli.files.regular import open_regular
from hypsegcli.files.text import UnreadableTextError, read_text

INDEX = ".index"

_MAGIC, _FOOTER, _TRAILER = 0xDB4775248B80FB57, 48, 5  # bytes of the table's end, and behind every block
_LARGEST_INDEX = 50_000_000  # bytes; that of a ResNet-101 and its optimizer's state has 100,000
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}  # of types.proto, as far as networks have them


class _Entry(NamedTuple):
    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


def find_index(path: Path) -> Path | None:
    """The index of a checkpoint that is named by it, by what stands before it, or by the folder of a training."""
    if path.is_dir():
        try:
            lines = read_text(path / "checkpoint").splitlines()
        except (OSError, UnreadableTextError):
            return None
        named = next((line for line in lines if line.startswith("model_checkpoint_path:")), "")
        path = path / Path(named.partition(":")[2].strip().strip('"')).name
    found = path if path.suffix == INDEX else path.with_name(path.name + INDEX)
    return found if found.is_file() else None


def read_bundle(index: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names, on the CPU, of kinds that networks have.

    CheckpointError where it is damaged or a part of it is missing.
    """
    try:
        with open_regular(index) as file:
            data = file.read(_LARGEST_INDEX + 1)
        if len(data) > _LARGEST_INDEX:
            raise ValueError("it is larger than any index")
        entries = dict(_entries(data))
        (shards,) = _numbers(entries.pop("", b""), 1) or [1]
        found = {name: _entry(value) for name, value in entries.items()}
        return {name: _read(index, entry, shards) for name, entry in found.items() if entry.dtype in _DTYPES}
    except OSError as error:
        raise CheckpointError(f"{error.filename or index}: cannot be read ({error.strerror})") from error
    except (ValueError, IndexError, struct.error, OverflowError) as error:
        raise CheckpointError(f"{index}: not a whole checkpoint of TensorFlow's ({error}); copy it again") from error


def _read(index: Path, entry: _Entry, shards: int) -> Tensor:
    path = index.with_name(f"{index.name.removesuffix(INDEX)}.data-{entry.shard:05d}-of-{shards:05d}")
    dtype = np.dtype(_DTYPES[entry.dtype])
    if math.prod(entry.shape) * dtype.itemsize != entry.size:
        raise ValueError(f"{entry.size} bytes of a tensor of the shape {entry.shape}")
    with open_regular(path) as file:
        file.seek(entry.offset)
        data = file.read(entry.size)
    if len(data) != entry.size:
        raise CheckpointError(f"{path}: ends too early; copy it again")
    return torch.from_numpy(np.frombuffer(data, dtype).reshape(entry.shape).copy())


def _entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    if len(data) < _FOOTER or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise ValueError("its end is not that of an index")
    at = 0
    handle = []
    for _ in range(4):  # offset and size of the blocks' own index are the last two
        number, at = _varint(data[-_FOOTER:], at)
        handle.append(number)
    for _, value in _block(data, *handle[2:]):
        offset, after = _varint(value, 0)
        size, _ = _varint(value, after)
        for key, entry in _block(data, offset, size):
            yield key.decode("utf-8"), entry


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values; a key repeats the beginning of the one before it."""
    block, kind = data[offset : offset + size], data[offset + size : offset + size + _TRAILER]
    if len(kind) != _TRAILER or kind[0] != 0:
        raise ValueError("a block is compressed, or missing")
    (restarts,) = struct.unpack("<I", block[-4:])
    end, at, key = len(block) - 4 * (restarts + 1), 0, b""
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


def _entry(value: bytes) -> _Entry:
    shape = tuple(
        (_numbers(dimension, 1) or [0])[0] for shape in _messages(value, 2) for dimension in _messages(shape, 2)
    )
    dtype, shard, offset, size = ((_numbers(value, field) or [0])[0] for field in (1, 3, 4, 5))
    if _messages(value, 7):
        raise ValueError("a tensor is in slices")
    return _Entry(dtype, shape, shard, offset, size)


def _numbers(message: bytes, field: int) -> list[int]:
    return [value for number, value in _fields(message) if number == field and isinstance(value, int)]


def _messages(message: bytes, field: int) -> list[bytes]:
    return [value for number, value in _fields(message) if number == field and isinstance(value, bytes)]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers of fields and their values, of a message of Protocol Buffers'."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
                yield tag >> 3, value
            case 2:
                length, at = _varint(message, at)
                yield tag >> 3, message[at : at + length]
                at += length
            case 1 | 5 as wire:
                at += 8 if wire == 1 else 4
            case wire:
                raise ValueError(f"a field is of the kind {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
