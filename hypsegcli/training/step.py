"""One step of descent, over the images of all ranks and micro-batches as if they were one batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import cast

import torch
from torch import Tensor

from hypsegcli.errors import DataError, HypsegError, setting
from hypsegcli.inference.normalise import normalise
from hypsegcli.network.prototypes import PrototypeHead
from hypsegcli.training.dataset import Crop, CropDataset
from hypsegcli.training.learner import memory_layout
from hypsegcli.training.read_batches import Reading, batches
from hypsegcli.training.run import Run
from hypsegcli.training.slices import micro_batches
from hypsegcli.training.state import LAST
from hypsegcli.training.synced_norm import norms_over
from hypsegcli.training.targets import OTHER

LARGEST_GRADIENT = 5.0  # norm; far above the usual, it only catches the odd batch


def shared_batches(run: Run) -> Iterator[tuple[Crop, Tensor]]:
    """This rank's part of each batch of an epoch, with the divisors (3,) of the losses of all of it.

    What a rank fails to read, ends all of them: raises as `batches` does.
    """
    with closing(batches(run.loader)) as reading:
        for _ in range(len(run.loader)):
            failed: HypsegError | None = None
            divisors = torch.zeros(4, dtype=torch.float64)  # the last one says that a rank has failed
            try:
                batch = next(reading)
                divisors[:3] = run.loss.divisors(batch.mask, _in_fold(run, batch))
            except HypsegError as error:
                failed, divisors[3] = error, 1.0
            run.ranks.add(divisors)
            if divisors[3]:
                with run.ranks.together():
                    if failed:
                        raise failed
            yield batch, divisors[:3]


def train_step(run: Run, batch: Crop, divisors: Tensor, epochs_done: float) -> Tensor:
    """One step of descent; the classification and radius losses (2,)."""
    config, device = run.job.config, run.job.device.torch
    rise = min(1.0, epochs_done / config.radius_warmup) if config.radius_warmup else 1.0
    run.loss.radius_weight = rise * config.radius_weight
    run.optimizer.zero_grad(set_to_none=True)
    losses = torch.zeros(3, device=device)
    for part in micro_batches(batch, config.accumulate):
        losses += _descend(run, part, divisors)
    total, *shown = run.ranks.add_gradients([run.learner, run.loss], losses).unbind()
    length = torch.nn.utils.clip_grad_norm_(run.learner.parameters(), LARGEST_GRADIENT)
    if not torch.isfinite(total + length):  # before the step, which would spoil the weights
        crops = cast(CropDataset, cast(Reading[Crop], run.loader.dataset).items)
        names = [crops.name(index) for index in torch.as_tensor(batch.sample).tolist()]
        with run.ranks.together():
            raise DataError(
                f"the loss became {total.item():g}, its gradient {length.item():g}, in epoch {math.ceil(epochs_done)}, "
                f"at the images {', '.join(chain.from_iterable(run.ranks.gather(names)))}; look at them and their "
                f"masks, or start a new run {f'from {LAST} ' if (run.job.out / LAST).exists() else ''}with a lower "
                f"{setting('learning_rate')}"
            )
    run.optimizer.step()
    run.schedule.step()
    run.learner.hold()
    head = run.learner.model.head
    if run.teacher is not None and run.teacher.move(cast(PrototypeHead, head)):
        # Prototypes that begin anew have nothing to do with those before, which an average would mix with them.
        cast(PrototypeHead, run.scored().model.head).prototypes.copy_(cast(PrototypeHead, head).prototypes)
    if run.average is not None:
        run.average.update_parameters(run.learner)
    return torch.stack(shown).cpu()


def _descend(run: Run, part: Crop, divisors: Tensor) -> Tensor:
    """Add the gradients of a part of a batch; its share of the losses (3,): all, classification, radius."""
    config, device = run.job.config, run.job.device.torch
    inputs = normalise(part.image.to(device), run.header.input).contiguous(memory_format=memory_layout(config))
    with norms_over(run.ranks), torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        output = run.learner(inputs)
    in_fold = _in_fold(run, part)
    in_fold = None if in_fold is None else in_fold.to(device)
    target = part.mask.to(device)
    losses = run.loss(output, target, in_fold, divisors)
    total = losses.total
    if run.teacher is not None:
        taught = target if in_fold is None else target.masked_fill(in_fold[:, None, None], OTHER)
        head = cast(PrototypeHead, run.learner.model.head)
        total = total + run.teacher(head, output.embedding, taught, run.ranks)
    total.backward()
    return torch.stack([total, losses.classification, losses.radius]).detach()


def _in_fold(run: Run, batch: Crop) -> Tensor | None:
    """(B,) bool which images teach the radius alone; None where none is to."""
    return torch.as_tensor(batch.in_fold) if run.job.config.radius_fold else None
