"""Train, from a folder to a checkpoint; read from top to bottom."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from hypsegcli.checkpoint.format import Header
from hypsegcli.errors import DataError, UsageError, setting
from hypsegcli.files.atomic import refuse_unwritable, sweep
from hypsegcli.files.books import refuse_in_a_run
from hypsegcli.files.hold import Hold
from hypsegcli.files.lock import locked
from hypsegcli.files.words import count_of
from hypsegcli.sampling.choice import refuse_without_scipy
from hypsegcli.training.calibrate_best import calibrate_best
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.facts import facts_of
from hypsegcli.training.folder import Folder, open_folder
from hypsegcli.training.launched import refuse_crowd
from hypsegcli.training.learner import memory_layout
from hypsegcli.training.pictures import PICTURES
from hypsegcli.training.ranks import ALONE, Ranks
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
    save_scored,
    scored_copy,
)
from hypsegcli.training.step import shared_batches, train_step
from hypsegcli.training.val_lists import evaluated_as
from hypsegcli.training.validate import Scores, Validation, validate

_SAME_SCORE = 5e-5  # mean IoU; the scores of a checkpoint have four decimals


@dataclass(frozen=True)
class Started:
    """What is known before the first epoch."""

    notes: tuple[str, ...]
    epochs: int  # that are left
    steps: int  # of each
    pairs: tuple[int, int]  # to train on, to validate on
    evaluated: tuple[str, str] | None  # the latter, as images and masks that `hypseg evaluate` reads; None: it cannot
    read: TrainConfig  # the settings, with paths that are from here, wherever the run was started


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
    ends_early: bool = False  # whether it is the last one, since none has been better for long


@dataclass(frozen=True)
class Calibrated:
    """What became of the calibration, once all epochs are done."""

    notes: tuple[str, ...]


Event = Started | Step | EpochReport | Calibrated


def train(job: Job, *, resume: bool, ranks: Ranks = ALONE) -> Iterator[Event]:
    """Train on `data/train`, choose on `data/val`; an epoch's report comes when its files are safe on disk.

    Several ranks train as one process would; the first alone writes. Raises DataError, ImageError, TreeError,
    CheckpointError or UsageError before the first epoch where something does not fit, and DataError where the loss is
    no number.
    """
    config = job.config
    with contextlib.ExitStack() as held:
        with ranks.together():
            refuse_crowd(ranks.place, batch_size=config.batch_size, accumulate=config.accumulate)
            if config.sampling == "adaptive":
                refuse_without_scipy()
            hold = held.enter_context(_held(job)) if ranks.is_first else None
        yield from _train(job, hold, resume=resume, ranks=ranks)


@contextlib.contextmanager
def _held(job: Job) -> Iterator[Hold]:
    refuse_unwritable(job.out)
    if not (job.out / STATE).exists():  # whoever has begun one there may go on
        refuse_in_a_run(job.out, "a training")
    with locked(job.out, "train") as hold:
        sweep(job.out, below=(PICTURES,))
        yield hold


def _begin(
    job: Job, hold: Hold | None, *, resume: bool, ranks: Ranks
) -> tuple[Run, State | None, Folder | None, tuple[str, ...]]:
    """The run, what it goes on from, the folder of the rank that holds it, and notes on what that has."""
    with ranks.together():
        if hold:
            check_folder(job.out, resume=resume)
        earlier = read_state(job)
        done = earlier.epoch if earlier else 0
        folder = open_folder(job, hold, done) if hold else None
        run = prepare(*_where_it_began(job, earlier), ranks)
        if earlier:
            restore(run, earlier)
    if ranks.several:
        ranks.refuse_different(facts_of(run, done))
    return run, earlier, folder, folder.log.notes if folder else ()


def _train(job: Job, hold: Hold | None, *, resume: bool, ranks: Ranks) -> Iterator[Event]:
    """`hold` is that of the rank that writes."""
    config = job.config
    run, earlier, folder, notes = _begin(job, hold, resume=resume, ranks=ranks)
    done, best, waited = (earlier.epoch, earlier.best, earlier.waited) if earlier else (0, -math.inf, 0)
    if earlier:
        best, told_of = _bring_back(run, earlier, folder)
        waited = waited if best == earlier.best else 0
        notes += told_of
    with ranks.together():
        if folder:
            folder.begin(run, done, best=best)
    origin = f"starts from {run.start}"
    if earlier:
        origin = f"goes on after epoch {done}"
    elif resume:
        origin += f"; there was nothing to resume in {job.out}"
    left = 0 if _is_over(config, waited) else config.epochs - done
    if not left and done < config.epochs:
        notes += (f"{_ended_early(waited)}; {setting('patience', 0)} lets it go on",)
    read, val = config.seen_from(run.job.directory), run.val_split.pairs
    evaluated = evaluated_as(job.out, val, translated=bool(run.source.translation))
    pairs = len(run.train_split.pairs), len(val)
    yield Started((origin, *notes, *run.remarks), left, len(run.loader), pairs, evaluated, read)
    yield from _epochs(run, folder, range(done + 1, done + left + 1), best, waited)
    fitted: tuple[str, ...] = ()
    with ranks.together():
        if folder and config.calibration:
            fitted = calibrate_best(run, folder.hold)
    if fitted:
        yield Calibrated(fitted)


def _epochs(run: Run, folder: Folder | None, epochs: range, best: float, waited: int) -> Iterator[Event]:
    """Some epochs, or as many of them as there is patience for, after a `best` that was `waited` validations ago."""
    config = run.job.config
    told = False
    for epoch in epochs:
        started = time.perf_counter()
        run.sampler.epoch = epoch
        sums = torch.zeros(2)
        if config.train_only == "all" and config.head_epochs:
            run.learner.freeze(epoch <= config.head_epochs)
        run.learner.train().to(memory_format=memory_layout(config))
        for step, (batch, divisors) in enumerate(shared_batches(run), start=1):
            sums += train_step(run, batch, divisors, epoch + (step - len(run.loader)) / len(run.loader))
            yield Step(epoch, step)
        mean_loss, mean_radius = (sums / len(run.loader)).tolist()
        found: Validation | None = None
        if epoch % config.validate_every == 0 or epoch == config.epochs:
            found = _validate(run, epoch)
        scores = found.scores if found else None
        is_best = scores is not None and scores.mean_iou > best
        best = scores.mean_iou if scores is not None and is_best else best
        waited = _waited(waited, scores, is_best=is_best, counts=epoch > config.head_epochs)
        ends_early = _is_over(config, waited) and epoch < config.epochs
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
            ends_early=ends_early,
        )
        told = told or report.mistake is not None
        with run.ranks.together():
            if folder:
                folder.add(run, epoch, log_row(report), found, best=best, is_best=is_best, waited=waited)
        yield report
        if ends_early:
            break


def _waited(waited: int, scores: Scores | None, *, is_best: bool, counts: bool) -> int:
    """Validations since the best one, after another, which gave a number and `counts`, or did not."""
    if is_best:
        return 0
    return waited + (counts and scores is not None and not math.isnan(scores.mean_iou))


def _is_over(config: TrainConfig, waited: int) -> bool:
    return 0 < config.patience <= waited


def _ended_early(waited: int) -> str:
    return f"training has ended early, for none of the last {count_of(waited, 'validation')} was better"


def _where_it_began(job: Job, earlier: State | None) -> tuple[Job, Header | None]:
    if earlier is None:
        return job, None
    if earlier.directory.is_dir() and not earlier.directory.samefile(job.directory):
        job = replace(job, directory=earlier.directory)
    return job, earlier.header


def _bring_back(run: Run, state: State, folder: Folder | None) -> tuple[float, tuple[str, ...]]:
    """Write the checkpoints that a resumed run lacks, as far as its state tells them; the best score, and notes.

    UsageError where the run is finished and its best epoch is lost: no epoch is left that could take its place.
    """
    missing = run.ranks.gather(lacking(run.job.out, state) if folder else ())[0]
    if not missing:
        return state.best, ()
    scores = _validate(run, state.epoch).scores
    is_best = scores.mean_iou >= state.best - _SAME_SCORE
    made = [name for name in missing if name == LAST or is_best]
    lost = f"{BEST} is missing, and its weights, of an earlier epoch, are nowhere else"
    with run.ranks.together():
        if folder:
            with saving(folder.hold, state.epoch):
                save_scored(run, scores, made)
        over = state.epoch == run.job.config.epochs or _is_over(run.job.config, state.waited)
        if made != list(missing) and over:
            raise UsageError(f"{run.job.out}: {lost}; use {LAST}, or go on with more {setting('epochs')}")
    notes = tuple(f"{name} was missing, and is written again" for name in made)
    if made == list(missing):
        return state.best, notes
    return -math.inf, (*notes, f"{lost}: the best of the epochs to come takes its place")


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
            ranks=run.ranks,
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
