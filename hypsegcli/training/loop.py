"""Train, from a folder to a checkpoint; read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import torch

from hypsegcli.checkpoint.format import Header
from hypsegcli.errors import DataError, UsageError, setting
from hypsegcli.files.atomic import refuse_unwritable, sweep, write_atomically
from hypsegcli.files.books import refuse_in_a_run
from hypsegcli.files.lock import Hold, locked
from hypsegcli.inference.normalise import normalise
from hypsegcli.network.prototypes import PrototypeHead
from hypsegcli.sampling.choice import refuse_without_scipy
from hypsegcli.training.config_file import CONFIG, to_toml
from hypsegcli.training.dataset import Crop, CropDataset
from hypsegcli.training.learner import memory_layout
from hypsegcli.training.log import LOG, Log
from hypsegcli.training.pictures import PICTURES, write_sheet
from hypsegcli.training.read_batches import Reading, batches
from hypsegcli.training.run import Job, Run, prepare
from hypsegcli.training.saving import saving
from hypsegcli.training.state import (
    BEST,
    LAST,
    STATE,
    State,
    check_folder,
    lacking,
    read_state,
    restore,
    save_run,
    save_scored,
    save_state,
    scored_copy,
)
from hypsegcli.training.targets import OTHER
from hypsegcli.training.tensorboard import Board
from hypsegcli.training.validate import Scores, Validation, validate

_SAME_SCORE = 5e-5  # mean IoU; the scores of a checkpoint have four decimals
LARGEST_GRADIENT = 5.0  # norm; far above the usual, it only catches the odd batch


@dataclass(frozen=True)
class Started:
    """What is known before the first epoch."""

    notes: tuple[str, ...]
    epochs: int  # that are left
    steps: int  # of each
    pairs: tuple[int, int]  # to train on, to validate on


@dataclass(frozen=True)
class Step:
    """A batch was learned from."""

    epoch: int
    step: int  # from 1


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did."""

    epoch: int  # from 1
    epochs: int
    loss: float  # mean over the epoch's batches
    radius_loss: float
    learning_rate: float  # at the end
    curvature: float
    seconds: float  # training and validation
    scores: Scores | None  # None where this epoch was not validated
    is_best: bool
    mistake: str | None = None  # a likely one in the masks' ids, told once


def train(job: Job, *, resume: bool) -> Iterator[Started | Step | EpochReport]:
    """Train on `data/train`, choose on `data/val`; an epoch's report comes when its files are safe on disk.

    Raises DataError, ImageError, TreeError, CheckpointError or UsageError before the first epoch where something does
    not fit, and DataError where the loss is no number.
    """
    if job.config.sampling == "adaptive":
        refuse_without_scipy()
    refuse_unwritable(job.out)
    if not (job.out / STATE).exists():  # whoever has begun one there may go on
        refuse_in_a_run(job.out, "a training")
    with locked(job.out, "train") as hold:
        sweep(job.out, below=(PICTURES,))
        yield from _train(job, hold, resume=resume)


def _train(job: Job, hold: Hold, *, resume: bool) -> Iterator[Started | Step | EpochReport]:
    check_folder(job.out, resume=resume)
    board = Board(job.out / "tensorboard") if job.config.tensorboard else None
    earlier, config = read_state(job), job.config
    done, best = (earlier.epoch, earlier.best) if earlier else (0, -math.inf)
    log = Log(job.out / LOG, done=done)
    run = prepare(*_where_it_began(job, earlier))
    notes = log.notes
    if earlier:
        restore(run, earlier)
        with saving(hold, done):
            best, told_of = _bring_back(run, earlier)
        notes += told_of
    with saving(hold, done):
        write_atomically(job.out / CONFIG, to_toml(config).encode())
        if not earlier:  # or a kill before the end of the first epoch would leave nothing to resume from
            save_state(run, 0, best=best)
    origin = f"starts from {run.header.provenance.initialised_from}"
    if earlier:
        origin = f"goes on after epoch {done}"
    elif resume:
        origin += f"; there was nothing to resume in {job.out}"
    pairs = (len(run.train_split.pairs), len(run.val_split.pairs))
    yield Started((origin, *notes, *run.remarks), config.epochs - done, len(run.loader), pairs)
    told = False
    for epoch in range(done + 1, config.epochs + 1):
        started = time.perf_counter()
        run.sampler.epoch = epoch
        sums = torch.zeros(2)
        if config.train_only == "all" and config.head_epochs:
            run.learner.freeze(epoch <= config.head_epochs)
        run.learner.train().to(memory_format=memory_layout(config))
        for step, batch in enumerate(batches(run.loader), start=1):
            sums += _train_step(run, batch, epoch + (step - len(run.loader)) / len(run.loader))
            yield Step(epoch, step)
        mean_loss, mean_radius = (sums / len(run.loader)).tolist()
        found: Validation | None = None
        if epoch % config.validate_every == 0 or epoch == config.epochs:
            found = _validate(run, epoch)
        scores = found.scores if found else None
        is_best = scores is not None and scores.mean_iou > best
        best = scores.mean_iou if scores is not None and is_best else best
        report = EpochReport(
            epoch=epoch,
            epochs=config.epochs,
            loss=mean_loss,
            radius_loss=mean_radius,
            learning_rate=float(run.schedule.get_last_lr()[0]),
            curvature=run.scored().finished().config.curvature,
            seconds=time.perf_counter() - started,
            scores=scores,
            is_best=is_best,
            mistake=found.mistake if found and not told else None,
        )
        told = told or report.mistake is not None
        with saving(hold, epoch):
            sheet = found.sheet if found else None
            if sheet is not None:
                write_sheet(job.out, epoch, sheet)
            log.add(epoch, log_row(report))
            if board:
                board.add(epoch, log_row(report), sheet)
            save_run(run, epoch, scores, best=best, is_best=is_best)
        yield report


def _where_it_began(job: Job, earlier: State | None) -> tuple[Job, Header | None]:
    if earlier is None:
        return job, None
    if earlier.directory.is_dir() and not earlier.directory.samefile(job.directory):
        job = replace(job, directory=earlier.directory)
    return job, earlier.header


def _bring_back(run: Run, state: State) -> tuple[float, tuple[str, ...]]:
    """Write the checkpoints that a resumed run lacks, as far as its state tells them; the best score, and notes.

    UsageError where the run is finished and its best epoch is lost: no epoch is left that could take its place.
    """
    missing = lacking(run.job.out, state)
    if not missing:
        return state.best, ()
    scores = _validate(run, state.epoch).scores
    is_best = scores.mean_iou >= state.best - _SAME_SCORE
    made = [name for name in missing if name == LAST or is_best]
    save_scored(run, scores, made)
    notes = tuple(f"{name} was missing, and is written again" for name in made)
    if made == list(missing):
        return state.best, notes
    lost = f"{BEST} is missing, and its weights, of an earlier epoch, are nowhere else"
    if state.epoch == run.job.config.epochs:
        raise UsageError(f"{run.job.out}: {lost}; use {LAST}, or go on with more {setting('epochs')}")
    return -math.inf, (*notes, f"{lost}: the best of the epochs to come takes its place")


def _train_step(run: Run, batch: Crop, epochs_done: float) -> torch.Tensor:
    """One step of descent; the classification and radius losses (2,)."""
    config, device = run.job.config, run.job.device.torch
    inputs = normalise(batch.image.to(device), run.header.input).contiguous(memory_format=memory_layout(config))
    with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        output = run.learner(inputs)
    rise = min(1.0, epochs_done / config.radius_warmup) if config.radius_warmup else 1.0
    run.loss.radius_weight = rise * config.radius_weight
    in_fold = torch.as_tensor(batch.in_fold).to(device) if config.radius_fold else None
    target = batch.mask.to(device)
    losses = run.loss(output, target, in_fold)
    total = losses.total
    head = run.learner.model.head
    if run.teacher is not None:
        taught = target if in_fold is None else target.masked_fill(in_fold[:, None, None], OTHER)
        total = total + run.teacher(cast(PrototypeHead, head), output.embedding, taught)
    run.optimizer.zero_grad(set_to_none=True)
    total.backward()
    length = torch.nn.utils.clip_grad_norm_(run.learner.parameters(), LARGEST_GRADIENT)
    if not torch.isfinite(total + length):  # before the step, which would spoil the weights
        crops = cast(CropDataset, cast(Reading[Crop], run.loader.dataset).items)
        names = ", ".join(crops.name(index) for index in torch.as_tensor(batch.sample).tolist())
        raise DataError(
            f"the loss became {total.item():g}, its gradient {length.item():g}, in epoch "
            f"{math.ceil(epochs_done)}, at the images {names}; look at them and their masks, or start a new run "
            f"{f'from {LAST} ' if (run.job.out / LAST).exists() else ''}with a lower "
            f"{setting('learning_rate')}"
        )
    run.optimizer.step()
    run.schedule.step()
    run.learner.hold()
    if run.teacher is not None and run.teacher.move(cast(PrototypeHead, head)):
        # Prototypes that begin anew have nothing to do with those before, which an average would mix with them.
        cast(PrototypeHead, run.scored().model.head).prototypes.copy_(cast(PrototypeHead, head).prototypes)
    if run.average is not None:
        run.average.update_parameters(run.learner)
    return torch.stack([losses.classification, losses.radius]).detach().cpu()


def _validate(run: Run, epoch: int) -> Validation:
    config = run.job.config
    try:
        return validate(
            scored_copy(run),
            run.header,
            run.val_split.pairs,
            digests=run.val_split.digests,
            id_map=run.val_split.id_map,
            device=run.job.device,
            held_out=run.held_out,
            longest_side=run.header.input.longest_side,
            pictures=config.pictures,
        )
    except FloatingPointError as error:
        raise DataError(
            f"after epoch {epoch} the network answers NaN or infinity; start a new run with a lower "
            f"{setting('learning_rate')}"
        ) from error


def log_row(report: EpochReport) -> dict[str, float | str]:
    """One line of log.csv, its `COLUMNS`; scores are empty where the epoch was not validated."""
    return {
        "epoch": report.epoch,
        "loss": round(report.loss, 5),
        "radius_loss": round(report.radius_loss, 5),
        "learning_rate": report.learning_rate,
        "curvature": round(report.curvature, 5),
        "seconds": round(report.seconds, 1),
        **dict.fromkeys(Scores._fields, ""),
        **({} if report.scores is None else {k: round(v, 5) for k, v in report.scores._asdict().items()}),
    }
