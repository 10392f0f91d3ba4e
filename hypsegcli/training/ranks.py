"""The processes of a training that share its steps, and what they tell each other; `ALONE` where there is one.

Gradients are summed, not averaged: every rank divides the sums of its own pixels by the pixels of all. There is no
wrapper around the network, since the loss learns too, and its losses are means over pixels that ranks have not
alike many of.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from hypsegcli.errors import DataError, DeviceError, HypsegError, UsageError, first_line, setting
from hypsegcli.files.words import count_of, first_of
from hypsegcli.inference.device import Device, choose_device
from hypsegcli.training.launched import LostError, Place, ToldError

_PATIENCE = timedelta(minutes=30)  # for the slowest, while all look at their files or one writes
_NAMED = 3  # differences in a sentence
# How gloo, NCCL and torch say that another process has ended or is silent.
_SIGNS = ("connection closed", "connection reset", "broken pipe", "timed out", "gloo", "nccl", "socket")
_LINE = re.compile(r"^\[[^]]*:[0-9]+\] ")  # of gloo's source

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process and the others; every method is to be called by all of them, in the same order."""

    place: Place = field(default_factory=Place)
    cards: Any = None  # NCCL's group, where every rank has a CUDA device of its own

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes, and speaks for all."""
        return self.place.is_first

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.place.count > 1

    def group_of(self, tensor: Tensor) -> Any:
        """The group through which a tensor travels."""
        return self.cards if tensor.is_cuda and self.cards is not None else dist.group.WORLD

    def add(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all ranks."""
        if self.several:
            dist.all_reduce(tensor, group=self.group_of(tensor))

    def add_gradients(self, modules: Iterable[nn.Module], numbers: Tensor) -> Tensor:
        """Replace all gradients of some modules by their sums over all ranks; the sums of some numbers (n,).

        All in one message: where a number or a gradient is NaN in one rank, it is in all of them.
        """
        if not self.several:
            return numbers
        learned = [parameter.grad for module in modules for parameter in module.parameters()]
        gradients = [gradient for gradient in learned if gradient is not None]
        flat = torch.cat([numbers, *(gradient.flatten() for gradient in gradients)])
        self.add(flat)
        sums: Tensor
        sums, *parts = flat.split([len(numbers), *(gradient.numel() for gradient in gradients)])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))
        return sums

    def gather(self, thing: T) -> list[T]:
        """What every rank has of a thing, in their order, in all of them."""
        if not self.several:
            return [thing]
        things: list[Any] = [None] * self.place.count
        dist.all_gather_object(things, thing)
        return things

    def stack(self, tensor: Tensor) -> Tensor:
        """(ranks, ...) every rank's tensor of one shape, in their order, in all of them."""
        if not self.several:
            return tensor[None]
        parts = [torch.empty_like(tensor) for _ in range(self.place.count)]
        dist.all_gather(parts, tensor, group=self.group_of(tensor))
        return torch.stack(parts)

    def gather_rows(self, rows: Tensor) -> list[Tensor]:
        """The rows (N, ...) of every rank, whose numbers may differ, in their order, in all of them."""
        lengths = self.gather(len(rows))
        padded = rows.new_zeros(max(lengths), *rows.shape[1:])
        padded[: len(rows)] = rows
        return [each[:length] for each, length in zip(self.stack(padded), lengths, strict=True)]

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What one rank raises on purpose in the block, all raise after it, so that nobody waits for it.

        The first raises the error itself, the others ToldError from it.
        """
        problem: HypsegError | FloatingPointError | None = None
        try:
            yield
        except (HypsegError, FloatingPointError) as error:
            if not self.several:
                raise
            problem = error
        try:
            problems = self.gather(problem)
        except RuntimeError:  # the others are gone
            if problem is None:
                raise
            raise LostError(*problem.args[:1]) from problem
        raised = next((each for each in problems if each is not None), None)
        if raised is None:
            return
        if self.is_first:
            raise raised
        raise ToldError(*raised.args[:1]) from raised

    def refuse_different(self, facts: Mapping[str, str]) -> None:
        """UsageError where a rank knows other facts than the first does; a fact's name says what is different."""
        found = self.gather((socket.gethostname(), dict(facts)))
        (_, first), *others = found
        with self.together():
            for index, (host, theirs) in enumerate(others, start=1):
                different = [name for name in (first | theirs) if first.get(name) != theirs.get(name)]
                if different:
                    raise UsageError(
                        f"process {index} of this training, on {host}, differs from process 0, on {found[0][0]}, in "
                        f"{first_of(different, _NAMED)}; give all of them the same command, data, {setting('out')} "
                        "and versions"
                    )


ALONE = Ranks()


def choose_own_device(name: str, place: Place) -> Device:
    """The device of one of several processes: `auto` and `cuda` are as many as a machine has, one for each.

    Raises DeviceError where it has fewer, as for every device that is not there.
    """
    if place.count > 1 and name in {"auto", "cuda"} and torch.cuda.is_available():
        if place.here > (cards := torch.cuda.device_count()):
            raise DeviceError(
                f"{setting('device', name)}: {place.here} processes of this machine see "
                f"{count_of(cards, 'CUDA device')}; start no more than one for each, or let them share one with "
                f"{setting('device', 'cuda:0')}"
            )
        name = f"cuda:{place.local}"
    device = choose_device(name)
    if place.count > 1 and device.torch.type == "mps":
        raise DeviceError(
            f"{setting('device', name)}: several processes train on CUDA devices or CPUs; start one, or choose "
            f"{setting('device', 'cpu')}"
        )
    return device


@contextlib.contextmanager
def joined(place: Place, device: Device) -> Iterator[Ranks]:
    """Meet the other processes, for as long as the block runs.

    Raises DataError where they do not come, and LostError where one of them ends while others are in the block.
    """
    if place.count == 1:
        yield ALONE
        return
    try:
        store, _, _ = next(rendezvous("env://", timeout=_PATIENCE))
        # Where torchrun starts all of them again, its store still holds where those before were to be found.
        store = PrefixStore(f"start {place.start}", store)
        dist.init_process_group("gloo", store=store, rank=place.index, world_size=place.count, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"the {place.count} processes of this training have not met ({first_line(error)}); look whether all were "
            "started, and whether they reach the address and port that MASTER_ADDR and MASTER_PORT name"
        ) from error
    with _telling_of_losses(place):
        first = Ranks(place).gather((socket.gethostname(), os.getpid()))[0]
        try:
            yield Ranks(place, _group_of_cards(place, device))
        except KeyboardInterrupt:
            # torchrun tells the others to stop where one has ended, and it is the first that would speak for them.
            if _is_gone(*first):
                raise LostError(_lost(place, "process 0 is no longer there")) from None
            raise
    dist.destroy_process_group()  # where all is well: of what is broken, the end of the process disposes


def _group_of_cards(place: Place, device: Device) -> Any:
    """NCCL's group of CUDA devices of their own; None where there are none, or where several processes share one."""
    if device.torch.type == "cuda":
        torch.cuda.set_device(device.torch)
        uuid = str(torch.cuda.get_device_properties(device.torch).uuid)
    else:
        uuid = ""
    uuids = Ranks(place).gather(uuid)
    Ranks(place).refuse_different({"the kind of device": device.torch.type})
    own = dist.is_nccl_available() and "" not in uuids and len(set(uuids)) == len(uuids)
    return dist.new_group(backend="nccl", timeout=_PATIENCE) if own else None


def _is_gone(host: str, process: int) -> bool:
    if host != socket.gethostname() or os.name == "nt":  # where there is no way of asking without disturbing it
        return False
    try:
        os.kill(process, 0)  # which sends nothing
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _lost(place: Place, what: str) -> str:
    return (
        f"another of the {place.count} processes of this training has ended, or is out of reach ({what}); its own "
        "words, if there were any, stand above; what was saved after each epoch is whole: go on with "
        f"{setting('resume')}"
    )


@contextlib.contextmanager
def _telling_of_losses(place: Place) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or any(sign in str(error).lower() for sign in _SIGNS)):
            raise
        raise LostError(_lost(place, _LINE.sub("", first_line(error)).split(". This is")[0])) from error
