"""Train, from a folder to a checkpoint; read from top to bottom."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from hypsegcli.errors import DataError
from hypsegcli.images.write import write_atomically
from hypsegcli.inference.segmenter import normalise
from hypsegcli.training.run import LOG, STATE, Job, Run, check_folder, prepare, restore_run, save_run
from hypsegcli.training.validate import Scores, validate

_LARGEST_GRADIENT = 5.0  # norm; far above the usual, it only catches the odd batch


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did."""

    epoch: int  # from 1
    epochs: int
    loss: float  # mean over the epoch's batches
    radius_loss: float
    learning_rate: float  # at the end
    seconds: float  # training and validation
    scores: Scores | None  # None where this epoch was not validated
    is_best: bool


def train(job: Job, *, resume: bool) -> Iterator[EpochReport]:
    """Train on `data/train`, choose on `data/val`; yields after each epoch, when the files are safe on disk.

    Raises DataError, ImageError, TreeError or UsageError before the first epoch where something does not fit.
    """
    check_folder(job.out, resume=resume)
    run, config = prepare(job), job.config
    done, best = restore_run(run) if (job.out / STATE).exists() else (0, -math.inf)
    write_atomically(job.out / "config.json", config.model_dump_json(indent=2).encode())
    for epoch in range(done + 1, config.epochs + 1):
        started = time.perf_counter()
        run.sampler.epoch = epoch
        mean_loss, mean_radius = _train_epoch(run, epoch)
        scores: Scores | None = None
        if epoch % config.validate_every == 0 or epoch == config.epochs:
            scores = validate(run.model, run.header, run.val_samples, device=job.device)
        is_best = scores is not None and scores.mean_iou > best
        best = scores.mean_iou if scores is not None and is_best else best
        report = EpochReport(
            epoch=epoch,
            epochs=config.epochs,
            loss=mean_loss,
            radius_loss=mean_radius,
            learning_rate=float(run.schedule.get_last_lr()[0]),
            seconds=time.perf_counter() - started,
            scores=scores,
            is_best=is_best,
        )
        _append_log(job.out / LOG, report)
        save_run(run, epoch, scores, best=best, is_best=is_best)
        yield report


def _train_epoch(run: Run, epoch: int) -> tuple[float, float]:
    """One pass over the training images; the mean classification and radius losses."""
    sums = torch.zeros(2)
    run.model.train()
    for images, masks in run.loader:
        inputs = normalise(images.to(run.job.device.torch), run.header.input)
        with torch.autocast(run.job.device.torch.type, torch.bfloat16, enabled=run.job.config.precision == "bf16"):
            output = run.model(inputs)
        losses = run.loss(output, masks.to(run.job.device.torch))
        if not torch.isfinite(losses.total):
            raise DataError(f"the loss became {losses.total.item()} in epoch {epoch}; lower --learning-rate")
        run.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), _LARGEST_GRADIENT)
        run.optimizer.step()
        run.schedule.step()
        sums += torch.stack([losses.classification, losses.radius]).detach().cpu()
    mean_loss, mean_radius = (sums / len(run.loader)).tolist()
    return mean_loss, mean_radius


def _append_log(path: Path, report: EpochReport) -> None:
    row = {
        "epoch": report.epoch,
        "loss": round(report.loss, 5),
        "radius_loss": round(report.radius_loss, 5),
        "learning_rate": report.learning_rate,
        "seconds": round(report.seconds, 1),
        **dict.fromkeys(Scores._fields, ""),
        **({} if report.scores is None else {k: round(v, 5) for k, v in report.scores._asdict().items()}),
    }
    earlier: list[dict[str, str]] = []
    if path.exists():
        with path.open(newline="") as file:
            # A run that was stopped between its log and its state does the epoch again.
            earlier = [line for line in csv.DictReader(file) if int(line["epoch"]) < report.epoch]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, row.keys())
    writer.writeheader()
    writer.writerows([*earlier, row])
    write_atomically(path, table.getvalue().encode())
