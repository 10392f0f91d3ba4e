"""Learn clusters, from photographs to a checkpoint; read from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch

from hypsegcli.errors import DataError, setting
from hypsegcli.files.atomic import refuse_unwritable, sweep
from hypsegcli.files.hold import Hold
from hypsegcli.files.lock import locked
from hypsegcli.inference.normalise import normalise
from hypsegcli.training.clustering.information import information_loss
from hypsegcli.training.clustering.learner import HeadName, side_by_side
from hypsegcli.training.clustering.run import Job, Run, prepare
from hypsegcli.training.clustering.state import (
    CHECKPOINT,
    check_folder,
    read_state,
    restore,
    save_network,
    save_state,
)
from hypsegcli.training.clustering.views import Views
from hypsegcli.training.learner import memory_layout
from hypsegcli.training.read_batches import batches
from hypsegcli.training.saving import saving
from hypsegcli.training.step import LARGEST_GRADIENT


@dataclass(frozen=True)
class Started:
    """What is known before the first epoch."""

    notes: tuple[str, ...]
    epochs: int  # that are left
    steps: int  # of each


@dataclass(frozen=True)
class Step:
    """A batch was learned from."""

    epoch: int


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did; its state is safe on disk."""

    epoch: int  # from 1
    epochs: int
    head: HeadName
    loss: float  # mean over the epoch's batches, in nats
    seconds: float


def cluster(job: Job, *, resume: bool) -> Generator[Started | Step | EpochReport, None, None]:
    """Learn clusters; the checkpoint is on disk when it ends.

    Raises DataError, CheckpointError or UsageError before the first epoch where something does not fit, and DataError
    where the loss is no number.
    """
    refuse_unwritable(job.out)
    with locked(job.out, "cluster") as hold:
        sweep(job.out)
        check_folder(job, resume=resume)
        state = read_state(job)
        run = prepare(job, None if state is None else state["header"])
        done = 0
        origin = f"starts from {run.header.provenance.initialised_from}"
        if state is not None:
            restore(run, state)
            done = state["epoch"]
            origin = f"goes on after epoch {done}"
        yield Started((*run.remarks, origin), run.epochs - done, len(run.loader))
        for epoch in range(done + 1, run.epochs + 1):
            yield from _epoch(run, epoch, hold)
        if not (job.out / CHECKPOINT).exists() or done < run.epochs:
            with saving(hold, run.epochs):
                save_network(run)


def _epoch(run: Run, epoch: int, hold: Hold) -> Iterator[Step | EpochReport]:
    started = time.perf_counter()
    run.sampler.epoch = epoch
    # By turns, so that the last epoch is that of the head which is kept.
    head: HeadName = "own" if (run.epochs - epoch) % 2 == 0 else "over"
    total = 0.0
    run.learner.train().to(memory_format=memory_layout(run.job.config))
    for batch in batches(run.loader):
        total += _train_step(run, batch, epoch, head)
        yield Step(epoch)
    with saving(hold, epoch, first=epoch == 1):
        save_state(run, epoch)
    yield EpochReport(epoch, run.epochs, head, total / len(run.loader), time.perf_counter() - started)


def _train_step(run: Run, batch: Views, epoch: int, head: HeadName) -> float:
    """One step of descent; the loss."""
    config, device = run.job.config, run.job.device.torch
    first, second = (
        normalise(view.to(device), run.header.input).contiguous(memory_format=memory_layout(run.job.config))
        for view in (batch.first, batch.second)
    )
    mirrored = torch.as_tensor(batch.mirrored).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        answers = run.learner(first, second, mirrored, head=head)
    one, other = side_by_side(answers[0], answers[1], batch.seen.to(device), batch.shift)
    reach = min(config.reach, *(side - 1 for side in one.shape[2:]))
    loss = information_loss(one, other, reach=reach, balance=config.balance)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    length = torch.nn.utils.clip_grad_norm_(run.learner.parameters(), LARGEST_GRADIENT)
    if not torch.isfinite(loss + length):  # before the step, which would spoil the weights
        names = ", ".join(run.dataset.name(index) for index in torch.as_tensor(batch.sample).tolist())
        raise DataError(
            f"the loss became {loss.item():g}, its gradient {length.item():g}, in epoch {epoch}, at the images "
            f"{names}; look at them, or start a new run with a lower {setting('learning_rate')}"
        )
    run.optimizer.step()
    run.schedule.step()
    run.learner.hold()
    return float(loss.detach())
