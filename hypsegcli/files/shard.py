"""A part of a run: one of several processes, on one machine or many, that share the images among them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from hypsegcli.errors import UsageError, setting
from hypsegcli.files.words import count_of

MOST = 10_000  # shards
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_WHERE = "Slurm's arrays, Kubernetes' indexed jobs and Coiled's batches"

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """The images at the places index, index + of, index + 2 of, ... of all images, in their order; counts from 0."""

    index: int
    of: int

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    @property
    def label(self) -> str:
        """For names of files: `3-of-8`."""
        return f"{self.index}-of-{self.of}"

    def take(self, items: Sequence[Item]) -> Sequence[Item]:
        """This shard's part of all items; neighbours, which are often of one scene, go to different shards."""
        return items[self.index :: self.of]

    def named(self, name: str) -> str:
        """The shard's own file of a name: `manifest.3-of-8.jsonl`."""
        stem, dot, suffix = name.rpartition(".")
        return f"{stem}.{self.label}{dot}{suffix}"


def shard_of(name: str, of: str) -> Shard | None:
    """The shard whose own file of the name `of` this is, such as manifest.jsonl; None where it is none."""
    stem, _, suffix = of.rpartition(".")
    found = re.fullmatch(rf"{re.escape(stem)}\.([0-9]+)-of-([0-9]+)\.{re.escape(suffix)}", name, flags=re.ASCII)
    if found is None:
        return None
    shard = Shard(int(found[1]), int(found[2]))
    return shard if shard.index < shard.of <= MOST and shard.named(of) == name else None


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """The shard that `3/8` names, or `auto/8` or `auto`, which take it from what started this process.

    UsageError where it names none, or where nothing that starts many processes has said which of them this is.
    """
    index, _, of = text.strip().partition("/")
    if index == "auto" and (not of or _is_count(of)):
        return _find(text, int(of) if of else None, environment)
    if not (_NUMBER.fullmatch(index) and _is_count(of)):
        raise UsageError(
            f"{setting('shard', text)}: expected I/N, such as 3/8, auto/N or auto, of at most {MOST:,} shards"
        )
    shard = Shard(int(index), int(of))
    if shard.index >= shard.of:
        raise UsageError(
            f"{setting('shard', text)}: there are {shard.of} shards, counted from 0: the last is "
            f"{shard.of - 1}/{shard.of}"
        )
    return shard


def _is_count(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and 1 <= int(text) <= MOST


class _Task(NamedTuple):
    """What an environment says of one of many processes."""

    place: int  # from 0
    of: int | None  # how many there are; None where it does not say
    name: str  # of the variable


def _find(text: str, of: int | None, environment: Mapping[str, str]) -> Shard:
    task = _task_of(environment)
    if task is None:
        raise UsageError(
            f"{setting('shard', text)}: nothing here says which of many this process is, as {_WHERE} do; name the "
            f"shard, such as {setting('shard', f'0/{of or 8}')}"
        )
    if of is None and task.of is None:
        raise UsageError(
            f"{setting('shard', text)}: {task.name} says which of many this process is, but not of how many; add "
            f"their number, such as {setting('shard', 'auto/8')}"
        )
    if of is not None and task.of is not None and of != task.of:
        raise UsageError(
            f"{setting('shard', text)}: {task.name} is that of {count_of(task.of, 'task')}, not of {of}; where some "
            f"of them are done again, name the shard: {setting('shard', f'I/{of}')}"
        )
    count = of or task.of or 1
    if not 0 <= task.place < count <= MOST:
        raise UsageError(
            f"{setting('shard', text)}: {task.name} names the task {task.place}, counted from 0, of {count}; name the "
            f"shard: {setting('shard', f'I/{count}')}"
        )
    return Shard(task.place, count)


def _task_of(environment: Mapping[str, str]) -> _Task | None:
    """Which of many an environment says that this process is."""
    number = {name: int(value) for name, value in environment.items() if _NUMBER.fullmatch(value)}
    slurm, least, step = (number.get(f"SLURM_ARRAY_TASK_{name}") for name in ("ID", "MIN", "STEP"))
    if slurm is not None:
        # A step that does not lead there is of a list such as 0,3,7, whose places nothing tells.
        index, rest = divmod(slurm - (least or 0), step or 1)
        return _Task(index if not rest else -1, number.get("SLURM_ARRAY_TASK_COUNT"), "SLURM_ARRAY_TASK_ID")
    for name in ("JOB_COMPLETION_INDEX", "COILED_BATCH_TASK_ID"):
        if name in number:
            return _Task(number[name], None, name)
    return None
