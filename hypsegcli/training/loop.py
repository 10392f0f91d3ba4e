"""Train, from a folder to a checkpoint; read from top to bottom.

A run folder holds `best.safetensors` and `last.safetensors` (to use), `state.pt` (to resume), `log.csv`
(an epoch a line) and `config.json`.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance, header_from_json, header_to_json
from hypsegcli.checkpoint.store import save_checkpoint
from hypsegcli.errors import DataError, UsageError
from hypsegcli.images.write import write_atomically
from hypsegcli.inference.device import Device
from hypsegcli.inference.segmenter import normalise
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import HyperbolicDeepLab, build_model
from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.colors import read_colors
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import CropDataset, EpochSampler, Sample, read_data_tree, read_split
from hypsegcli.training.loss import SegmentationLoss, class_weights
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.validate import Scores, validate

STATE = "state.pt"

_RUN_FILES = (STATE, "best.safetensors", "last.safetensors", "log.csv")

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


@dataclass(frozen=True)
class _Run:
    """Everything that an epoch changes or reads."""

    out: Path
    config: TrainConfig
    device: Device
    header: Header  # of an untrained model: without scores
    model: HyperbolicDeepLab
    loss: SegmentationLoss
    optimizer: AdamW
    schedule: LambdaLR
    sampler: EpochSampler
    loader: DataLoader[tuple[Tensor, Tensor]]
    val_samples: tuple[Sample, ...]

    def parts(self) -> dict[str, Any]:
        """What a state file holds the state of."""
        return {"model": self.model, "loss": self.loss, "optimizer": self.optimizer, "schedule": self.schedule}


def train(
    data: Path,
    out: Path,
    config: TrainConfig,
    architecture: dict[str, Any],
    *,
    ignore_index: int,
    licence: str,
    colors: Path | None,
    device: Device,
    resume: bool,
) -> Iterator[EpochReport]:
    """Train on `data/train`, choose on `data/val`; yields after each epoch, when the files are safe on disk.

    `architecture` are ModelConfig's fields without `nodes`, which the class tree decides.
    Raises DataError, ImageError, TreeError or UsageError before the first epoch where something does not fit.
    """
    taken = [name for name in _RUN_FILES if (out / name).exists()]
    if taken and not resume:
        raise UsageError(f"{out}: holds a training run already; continue it with --resume or choose another folder")
    if taken and STATE not in taken:
        raise UsageError(f"{out}: holds {', '.join(taken)}, but no {STATE} to resume from; choose another folder")
    run = _prepare(
        data, out, config, architecture, ignore_index=ignore_index, licence=licence, colors=colors, device=device
    )
    done, best = _restore(run) if (out / STATE).exists() else (0, -math.inf)
    write_atomically(out / "config.json", config.model_dump_json(indent=2).encode())
    for epoch in range(done + 1, config.epochs + 1):
        started = time.perf_counter()
        run.sampler.epoch = epoch
        mean_loss, mean_radius = _train_epoch(run, epoch)
        scores: Scores | None = None
        if epoch % config.validate_every == 0 or epoch == config.epochs:
            scores = validate(run.model, run.header, run.val_samples, device=device)
        is_best = scores is not None and scores.mean_iou > best
        best = scores.mean_iou if scores is not None and is_best else best
        _save(run, epoch, scores, best=best, is_best=is_best)
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
        _append_log(out / "log.csv", report)
        yield report


def _prepare(
    data: Path,
    out: Path,
    config: TrainConfig,
    architecture: dict[str, Any],
    *,
    ignore_index: int,
    licence: str,
    colors: Path | None,
    device: Device,
) -> _Run:
    tree = read_data_tree(data)
    train_split, val_split = (
        read_split(data, name, classes=tree.classes, ignore_index=ignore_index) for name in ("train", "val")
    )
    if len(train_split.samples) < config.batch_size:
        raise DataError(f"{data / 'train'}: {len(train_split.samples)} images do not fill a batch; lower --batch-size")
    flat = architecture.get("softmax") == "flat" or tree.is_flat
    decided = {"nodes": tree.classes if flat else tree.nodes, "softmax": "flat" if flat else "hierarchical"}
    header = Header(
        model=ModelConfig(**architecture | decided),
        input=InputSpec(height=train_split.height, width=train_split.width),
        tree=tree,
        colors=read_colors(colors, tree.names[: tree.classes]),
        ignore_index=ignore_index,
        provenance=Provenance(
            trained_on=f"{data.resolve().name}/train, {len(train_split.samples)} images",
            validated_on=f"{data.resolve().name}/val, {len(val_split.samples)} images",
            licence=licence,
            recipe=config.model_dump(),
            hypseg_version=version("hypseg"),
            torch_version=torch.__version__,
        ),
    )
    torch.manual_seed(config.seed)
    model = build_model(header.model).to(device.torch).to(memory_format=torch.channels_last)
    loss = SegmentationLoss(
        tree,
        class_weights(train_split.pixels, largest=config.max_class_weight),
        ignore_index=ignore_index,
        radius_weight=config.radius_weight,
    ).to(device.torch)
    optimizer = build_optimizer(model, loss, config)
    mean = header.input.mean
    fill = (round(255 * mean[0]), round(255 * mean[1]), round(255 * mean[2]))
    dataset = CropDataset(train_split.samples, build_augmentation(config, fill=fill, ignore_index=ignore_index))
    sampler = EpochSampler(len(dataset), seed=config.seed)
    loader = DataLoader(
        dataset, batch_size=config.batch_size, sampler=sampler, drop_last=True, num_workers=config.workers
    )
    schedule = build_schedule(optimizer, config, steps=config.epochs * len(loader))
    return _Run(out, config, device, header, model, loss, optimizer, schedule, sampler, loader, val_split.samples)


def _train_epoch(run: _Run, epoch: int) -> tuple[float, float]:
    """One pass over the training images; the mean classification and radius losses."""
    sums = torch.zeros(2)
    run.model.train()
    for images, masks in run.loader:
        inputs = normalise(images.to(run.device.torch), run.header.input)
        with torch.autocast(run.device.torch.type, torch.bfloat16, enabled=run.config.precision == "bf16"):
            output = run.model(inputs)
        losses = run.loss(output, masks.to(run.device.torch))
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


def _save(run: _Run, epoch: int, scores: Scores | None, *, best: float, is_best: bool) -> None:
    found = {} if scores is None else scores._asdict()
    # An AUROC is NaN where no pixel, or every pixel, was wrong; JSON has no NaN.
    named = {name: round(value, 4) for name, value in found.items() if math.isfinite(value)}
    provenance = run.header.provenance.model_copy(update={"scores": named})
    header = run.header.model_copy(update={"provenance": provenance})
    for name in ("best", "last") if is_best else ("last",):
        save_checkpoint(run.out / f"{name}.safetensors", header, run.model.state_dict(), half=True)
    state = {key: part.state_dict() for key, part in run.parts().items()}
    state |= {"header": header_to_json(header), "config": run.config.model_dump_json(), "epoch": epoch, "best": best}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(run.out / STATE, buffer.getvalue())


def _restore(run: _Run) -> tuple[int, float]:
    """Load the state file into the run; the last epoch done, and the best score so far."""
    state = torch.load(run.out / STATE, map_location=run.device.torch, weights_only=True)
    earlier = header_from_json(state["header"], origin=run.out / STATE)
    same = all(getattr(earlier, part) == getattr(run.header, part) for part in ("model", "tree", "ignore_index"))
    if state["config"] != run.config.model_dump_json() or not same:
        raise UsageError(f"{run.out}: was started with other options (see config.json); resume with those")
    for key, part in run.parts().items():
        part.load_state_dict(state[key])
    return state["epoch"], state["best"]


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
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if is_new:
            writer.writeheader()
        writer.writerow(row)
