"""Which of the processes of a training this is: what torchrun says in the environment. Imports no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hypsegcli.errors import DataError, HypsegError, UsageError, setting

_WHERE = ("MASTER_ADDR", "MASTER_PORT")  # the first process listens


class LostError(DataError):
    """Another process has ended without a word to this one."""


class ToldError(HypsegError):
    """What ended all processes, in those that leave telling it to the first; the error itself is its cause."""


@dataclass(frozen=True)
class Place:
    """A process among those that train together; counted from 0."""

    index: int = 0
    count: int = 1
    local: int = 0  # its index among those of its machine
    here: int = 1  # how many those are
    start: int = 0  # how often torchrun has started all of them before

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes, and speaks for all."""
        return self.index == 0


def place_of(environment: Mapping[str, str] = os.environ) -> Place:
    """The place that torchrun, or whatever sets the same variables, has given this process; else that of one alone.

    UsageError where the variables contradict each other, or do not say where the first process listens.
    """
    if not {"RANK", "WORLD_SIZE"} <= environment.keys():
        return Place()
    index, count = _number(environment, "RANK", 0), _number(environment, "WORLD_SIZE", 1)
    local = _number(environment, "LOCAL_RANK", 0)
    here = _number(environment, "LOCAL_WORLD_SIZE", local + 1)
    if index >= count or local >= here:
        raise UsageError(
            f"RANK={index} of WORLD_SIZE={count}, and LOCAL_RANK={local} of LOCAL_WORLD_SIZE={here}, name no process: "
            "they are counted from 0; start them with torchrun, which sets these variables, or unset them to train in "
            "one process"
        )
    if count > 1 and (missing := [name for name in _WHERE if not environment.get(name)]):
        raise UsageError(
            f"RANK={index} and WORLD_SIZE={count} say that this is one of {count} processes, but {missing[0]}, where "
            "the first of them listens, is not set; start them with torchrun, which sets it, or unset RANK and "
            "WORLD_SIZE to train in one process"
        )
    return Place(index, count, local, here, _number(environment, "TORCHELASTIC_RESTART_COUNT", 0))


def refuse_several(place: Place, command: str) -> None:
    """UsageError where a command that knows no other processes has been started in several."""
    if place.count > 1:
        raise UsageError(
            f"hypseg {command} runs in one process, and this is one of {place.count}: hypseg train alone shares its "
            "work among processes that torchrun starts; start it without torchrun"
        )


def refuse_crowd(place: Place, *, batch_size: int, accumulate: int) -> None:
    """UsageError where a step has no image for each process and micro-batch."""
    needed = place.count * accumulate
    if batch_size < needed:
        each = f", and {setting('accumulate', accumulate)} divides what is each one's" if accumulate > 1 else ""
        raise UsageError(
            f"{place.count} processes share a batch of {batch_size} images{each}: it takes {needed} at least; start "
            f"fewer processes, or name a larger {setting('batch_size')}"
        )


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, str(otherwise))
    if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII):
        raise UsageError(f"{name}={text}: expected a whole number, as torchrun sets it; unset it, or mend it")
    return int(text)
