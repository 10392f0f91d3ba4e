"""Files with something wrong in them: bytes, fields and numbers changed at random, the same for the same seed."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from hypsegcli.checkpoint.format import METADATA_KEY

# What takes the place of a value in JSON.
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 3, 255, 10**5, 10**9, 2**31, 2**63, -(2**63), 10**30, 0.0, -0.5, 1e-300, 1e-30, 1e300,
    float("nan"), float("inf"), "", "x", "x" * 10_000, "\x1b[31m\u202e\0", "=1+1", [], [0], [[]], [-1] * 100,
    list(range(1000)), {}, {"x": 1}, {str(number): {} for number in range(100)},
)  # fmt: skip
NUMBERS = (float("nan"), float("inf"), -float("inf"), 0.0, 1e38, -1e38, 1e-45, 65504.0)
DTYPES = ("F64", "F16", "BF16", "I64", "I8", "U8", "BOOL", "C64", "F8_E4M3", "F8_E8M0", "F4", "U16", "", "X" * 1000)


def mutated_bytes(data: bytes, chance: random.Random, *, first: int | None = None) -> bytes:
    """Bits flipped, bytes replaced, pieces cut out, doubled or moved; with `first` only so far from the beginning."""
    changed = bytearray(data)
    reach = min(len(changed), first or len(changed))
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        at, size = chance.randrange(reach), chance.randrange(1, 64)
        match chance.randrange(6):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 2:
                changed[at : at + size] = chance.randbytes(len(changed[at : at + size]))
            case 3:
                changed[at : at + size] = bytes(len(changed[at : at + size]))
            case 4:
                changed[at:at] = changed[at : at + size]
            case _:
                del changed[at : at + size]
        reach = min(len(changed), reach)
        if not reach:
            break
    return bytes(changed[: chance.randrange(len(changed) + 1)] if chance.random() < 0.1 else changed)


def mutated_json(document: Any, chance: random.Random) -> Any:
    """One field, at any depth, replaced, doubled, left out or added."""
    copy = json.loads(json.dumps(document))
    at: Any = copy
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return copy
        key = chance.choice(keys)
        if not isinstance(at[key], dict | list) or not at[key] or chance.random() < 0.2:
            break
        at = at[key]
    match chance.randrange(6):
        case 0:
            del at[key]
        case 1 if isinstance(at, dict):
            at[str(chance.choice(VALUES))] = at[key]
        case 1:
            at.append(at[key])
        case 2 if isinstance(at[key], int | float):
            at[key] = at[key] * chance.choice((-1, 2, 1e9)) + chance.choice((-1, 0, 1))
        case _:
            at[key] = chance.choice(VALUES)
    return copy


def mutated_checkpoint(data: bytes, chance: random.Random) -> bytes:
    """A .safetensors checkpoint with one thing wrong: its bytes, hypseg's header, the table of tensors, or numbers."""
    (size,) = struct.unpack("<Q", data[:8])
    table = json.loads(data[8 : 8 + size])
    match chance.randrange(6):
        case 0:
            return mutated_bytes(data, chance)
        case 1:
            return mutated_bytes(data, chance, first=8 + size)
        case 2 | 3:
            header = mutated_json(json.loads(table["__metadata__"][METADATA_KEY]), chance)
            table["__metadata__"][METADATA_KEY] = json.dumps(header)
        case 4 if chance.random() < 0.5:
            entry = table[chance.choice([name for name in table if name != "__metadata__"])]
            entry["dtype"] = chance.choice(DTYPES)
        case 4:
            table = mutated_json(table, chance)
        case _:
            return save(_mutated_tensors(load(data), chance), metadata=table["__metadata__"])
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def _mutated_tensors(tensors: dict[str, Tensor], chance: random.Random) -> dict[str, Tensor]:
    name = chance.choice(sorted(tensors))  # they come in any order
    tensor = tensors[name]
    match chance.randrange(5):
        case 0:
            del tensors[name]
        case 1:
            tensors[chance.choice((name + ".", "x" * 20_000, "", "\x1b[31m\u202e"))] = tensor.clone()
        case 2:
            tensors[name] = tensor[..., None].expand(*tensor.shape, chance.randrange(3)).contiguous()
        case 3:
            tensors[name] = tensor.to(chance.choice((torch.float64, torch.float16, torch.int8, torch.complex64)))
        case _:
            flat = tensor.reshape(-1)
            flat[chance.randrange(len(flat))] = chance.choice(NUMBERS) if tensor.is_floating_point() else -1
    return tensors
