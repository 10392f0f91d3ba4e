"""Processes that train together, on this machine: what a function returns in each of them.

They are forked off a server that has imported torch and has not used it: fresh, and there at once. What they are to do
stands here, for they import it by name.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import DataError, UsageError
from hypsegcli.inference.device import Device
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.prototypes import PrototypeHead
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.launched import place_of
from hypsegcli.training.loop import EpochReport, Step, train
from hypsegcli.training.prototypes import PrototypeTeacher
from hypsegcli.training.ranks import Ranks, joined
from hypsegcli.training.run import Job, prepare
from hypsegcli.training.synced_norm import norms_over
from hypsegcli.training.validate import Validation, validate
from hypsegcli.truth.masks import read_mask

CPU = Device(torch.device("cpu"))
SMALL = {
    "backbone": "mobilenet_v3_small", "embedding_size": 4, "epochs": 1, "batch_size": 4, "crop_height": 64,
    "crop_width": 64, "workers": 0, "warmup_steps": 0, "pictures": 2,
    # Rounding is magnified by batch norm over a few pixels of random features, by AdamW, where a gradient is nothing
    # but that, and from step to step: the same batches in another order are no nearer than ranks are.
    "optimizer": "sgd", "learning_rate": 1e-3,
}  # fmt: skip

_LONGEST = 60  # seconds


def run_ranks(count: int, function: Callable[..., Any], *arguments: Any, devices: Sequence[str] = ()) -> list[Any]:
    """What `function(ranks, *arguments)` returns or raises in each of so many processes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.ranks"])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # where the server finds what it is to import
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    ends, processes = [], []
    for index in range(count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(
            target=_run, args=(there, (index, count, port, devices[index] if devices else "cpu"), function, arguments)
        )
        process.start()
        there.close()
        ends.append(here)
        processes.append(process)
    found: list[Any] = []
    for end, process in zip(ends, processes, strict=True):
        try:
            found.append(end.recv() if end.poll(_LONGEST) else TimeoutError())
        except EOFError:
            found.append(EOFError())
        process.join(_LONGEST)
    return found


def _run(end: Connection, place: tuple[int, int, int, str], function: Callable[..., Any], arguments: Any) -> None:
    index, count, port, device = place
    torch.set_num_threads(1)
    names = {"RANK": index, "LOCAL_RANK": index, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in names.items()}}
    try:
        with joined(place_of(), Device(torch.device(device))) as ranks:
            answer = function(ranks, *arguments)
    except Exception as error:  # it is what the function gave
        error.__traceback__ = None
        answer = error
    end.send(answer)


class Trained(NamedTuple):
    """What a training left in one of its processes."""

    reports: list[EpochReport]
    steps: int


def trained(
    ranks: Ranks, data: Path, out: Path, options: dict[str, Any], resume: bool = False, devices: Sequence[str] = ()
) -> Trained:
    """Train to the end, on the CPU or each on its device."""
    device = Device(torch.device(devices[ranks.place.index])) if devices else CPU
    job = Job(data, out, TrainConfig.model_validate(SMALL | options), device)
    events = list(train(job, resume=resume, ranks=ranks))
    reports = [event for event in events if isinstance(event, EpochReport)]
    return Trained(reports, sum(isinstance(event, Step) for event in events))


def trained_on_own(ranks: Ranks, data: Path, out: Path) -> Trained:
    """Train, the second process on a copy of the data in which one mask is another."""
    if not ranks.is_first:
        data = Path(shutil.copytree(data, out.with_name("other")))
        shutil.copy(data / "train/masks/01.png", data / "train/masks/00.png")
    return trained(ranks, data, out, {})


def spoilt(ranks: Ranks, data: Path, out: Path, options: dict[str, Any], file: Path) -> None:
    """Train, while the first process spoils a file after the first step, before anybody makes the second."""
    for event in train(Job(data, out, TrainConfig.model_validate(SMALL | options), CPU), resume=False, ranks=ranks):
        if isinstance(event, Step) and event.step == 1 and ranks.is_first:
            Image.new("RGB", (80, 64)).save(file)
        ranks.gather(None)


def ended(ranks: Ranks) -> None:
    """The second process ends without a word, and the first waits for it."""
    if not ranks.is_first:
        os.kill(os.getpid(), signal.SIGKILL)
    ranks.gather(None)


def disagreeing(ranks: Ranks) -> None:
    """One process raises an error."""
    with ranks.together():
        if not ranks.is_first:
            raise DataError("a file is gone")


def refusing_late(ranks: Ranks) -> None:
    """The first process ends while the second has something to say."""
    with ranks.together():
        if ranks.is_first:
            os.kill(os.getpid(), signal.SIGKILL)
        raise UsageError("the command is wrong")


def different(ranks: Ranks, alike: bool) -> None:
    """Each process knows a fact of its own, unless they are to be alike."""
    ranks.refuse_different({"the same": "x", "the seed": "0" if alike else str(ranks.place.index)})


def rows(ranks: Ranks) -> list[list[int]]:
    """As many rows as the process has predecessors, gathered."""
    own = torch.full((ranks.place.index, 2), ranks.place.index)
    return [each.tolist() for each in ranks.gather_rows(own)]


def scored(ranks: Ranks, checkpoint: Path, data: Path) -> tuple[Validation, list[str]]:
    """The validation of a checkpoint on a data folder, and the masks that this process has read for it."""
    run = prepare(Job(data, data, TrainConfig.model_validate(SMALL), CPU))
    model = load_checkpoint(checkpoint).model
    seen: list[str] = []

    def spy(path: Path, **settings: Any) -> Any:
        seen.append(path.name)
        return read_mask(path, **settings)

    with patch("hypsegcli.training.validate.read_mask", spy):
        found = validate(model, run.header, run.val_split.pairs, device=CPU, pictures=3, ranks=ranks)
    return found, seen


def taught(
    ranks: Ranks, embedding: NDArray[np.float32], target: NDArray[np.int64], parts: tuple[slice, ...]
) -> tuple[float, NDArray[Any], NDArray[Any]]:
    """The loss of prototypes on a part of some embeddings, its gradient, and where the prototypes go."""
    torch.manual_seed(0)
    fields = {
        "nodes": 2,
        "embedding_size": embedding.shape[1],
        "prototypes": 4,
        "head": "prototypes",
        "softmax": "flat",
    }
    head = PrototypeHead(ModelConfig.model_validate(fields))
    teacher = PrototypeTeacher(
        2, ignore_index=255, ppc_weight=1.0, ppd_weight=1.0, momentum=0.9, warmup=0, seed=0, known=range(2)
    )
    part = parts[ranks.place.index]
    own = torch.from_numpy(embedding[part]).requires_grad_()
    loss = teacher(head, own, torch.from_numpy(target[part]), ranks)
    loss.backward()
    teacher.move(head)
    assert own.grad is not None
    return float(loss.detach()), own.grad.numpy(), head.prototypes.numpy()


class Normed(NamedTuple):
    """What came of a batch norm."""

    output: NDArray[Any]
    slope: NDArray[Any]  # of the images
    state: dict[str, NDArray[Any]]
    gradients: list[NDArray[Any]]  # summed over all processes
    kind: torch.dtype


def normed(ranks: Ranks, images: NDArray[np.float32], parts: tuple[slice, ...], kind: str, affine: bool) -> Normed:
    """Two batch norms, one with an activation behind it, on a part of some images (B, C, H, W)."""
    part = torch.from_numpy(images)[parts[ranks.place.index]].to(getattr(torch, kind)).requires_grad_()
    torch.manual_seed(0)
    layers = nn.Sequential(nn.BatchNorm2d(images.shape[1], affine=affine), _NormAct(images.shape[1]))
    for parameter in layers.parameters():
        nn.init.uniform_(parameter)
    with norms_over(ranks):
        output: Tensor = layers(part)
    output.float().square().sin().sum().backward()
    ranks.add_gradients([layers], torch.zeros(1))
    assert part.grad is not None
    return Normed(
        output.detach().float().numpy(),
        part.grad.float().numpy(),
        {name: tensor.numpy() for name, tensor in layers.state_dict().items()},
        [parameter.grad.numpy() for parameter in layers.parameters() if parameter.grad is not None],
        output.dtype,
    )


class _NormAct(nn.BatchNorm2d):
    """As timm has them."""

    def forward(self, image: Tensor) -> Tensor:
        normed = F.batch_norm(
            image, self.running_mean, self.running_var, self.weight, self.bias, self.training, 0.3, self.eps
        )
        return F.silu(normed)
