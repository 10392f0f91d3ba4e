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
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance, header_to_json
from hypsegcli.checkpoint.store import save_checkpoint
from hypsegcli.errors import DataError, UsageError
from hypsegcli.images.write import write_atomically
from hypsegcli.inference.device import Device
from hypsegcli.inference.segmenter import normalise
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_model
from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.colors import read_colors
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import CropDataset, EpochSampler, read_data_tree, read_split
from hypsegcli.training.loss import SegmentationLoss, class_weights
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.validate import Scores, validate


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
    Raises DataError, TreeError or UsageError before the first epoch where something does not fit.
    """
    tree = read_data_tree(data)
    train_split, val_split = (
        read_split(data, name, classes=tree.classes, ignore_index=ignore_index) for name in ("train", "val")
    )
    if len(train_split.samples) < config.batch_size:
        raise DataError(f"{data / 'train'}: {len(train_split.samples)} images do not fill a batch; lower --batch-size")
    flat = architecture.get("softmax") == "flat" or tree.is_flat
    model_config = ModelConfig(
        **architecture | {"nodes": tree.classes if flat else tree.nodes, "softmax": "flat" if flat else "hierarchical"}
    )
    spec = InputSpec(height=train_split.height, width=train_split.width)

    torch.manual_seed(config.seed)
    model = build_model(model_config).to(device.torch, memory_format=torch.channels_last)
    loss = SegmentationLoss(
        tree,
        class_weights(train_split.pixels, largest=config.max_class_weight),
        ignore_index=ignore_index,
        radius_weight=config.radius_weight,
    ).to(device.torch)
    optimizer = build_optimizer(model, loss, config)
    fill = (round(255 * spec.mean[0]), round(255 * spec.mean[1]), round(255 * spec.mean[2]))
    dataset = CropDataset(train_split.samples, build_augmentation(config, fill=fill, ignore_index=ignore_index))
    sampler = EpochSampler(len(dataset), seed=config.seed)
    loader = DataLoader(
        dataset, batch_size=config.batch_size, sampler=sampler, drop_last=True, num_workers=config.workers
    )
    schedule = build_schedule(optimizer, config, steps=config.epochs * len(loader))

    state_file = out / "state.pt"
    done, best = 0, -math.inf
    if resume and state_file.exists():
        state = torch.load(state_file, map_location=device.torch, weights_only=True)
        if state["config"] != config.model_dump_json():
            raise UsageError(f"{out}: was started with other options (see config.json); resume with those")
        for part, key in ((model, "model"), (loss, "loss"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(state[key])
        done, best = state["epoch"], state["best"]
    elif state_file.exists():
        raise UsageError(f"{out}: holds a training run already; continue it with --resume or choose another folder")

    provenance = partial(
        Provenance,
        trained_on=f"{data.resolve().name}/train, {len(train_split.samples)} images",
        licence=licence,
        recipe=config.model_dump(),
        hypseg_version=version("hypseg"),
        torch_version=torch.__version__,
    )
    write_atomically(out / "config.json", config.model_dump_json(indent=2).encode())
    for epoch in range(done + 1, config.epochs + 1):
        started = time.perf_counter()
        sampler.epoch = epoch
        sums = torch.zeros(2)
        model.train()
        for images, masks in loader:
            with torch.autocast(device.torch.type, torch.bfloat16, enabled=config.precision == "bf16"):
                output = model(normalise(images.to(device.torch), spec))
            losses = loss(output, masks.to(device.torch))
            if not torch.isfinite(losses.total):
                raise DataError(f"the loss became {float(losses.total)} in epoch {epoch}; lower --learning-rate")
            optimizer.zero_grad(set_to_none=True)
            losses.total.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            sums += torch.stack([losses.classification, losses.radius]).detach().cpu()
        scores: Scores | None = None
        if epoch % config.validate_every == 0 or epoch == config.epochs:
            scores = validate(model, tree, spec, val_split.samples, ignore_index=ignore_index, device=device)
        is_best = scores is not None and scores.mean_iou > best
        best = scores.mean_iou if scores is not None and is_best else best

        header = Header(
            model=model_config,
            input=spec,
            tree=tree,
            colors=read_colors(colors, tree.names[: tree.classes]),
            ignore_index=ignore_index,
            provenance=provenance(
                scores={f"{data.resolve().name}/val {name}": round(v, 4) for name, v in _named(scores).items()}
            ),
        )
        weights: dict[str, Tensor] = model.state_dict()
        for name in ("best", "last") if is_best else ("last",):
            save_checkpoint(out / f"{name}.safetensors", header, weights, half=True)
        mean_loss, mean_radius = (sums / len(loader)).tolist()
        report = EpochReport(
            epoch=epoch,
            epochs=config.epochs,
            loss=mean_loss,
            radius_loss=mean_radius,
            learning_rate=schedule.get_last_lr()[0],
            seconds=time.perf_counter() - started,
            scores=scores,
            is_best=is_best,
        )
        buffer = io.BytesIO()
        torch.save(
            {
                "header": header_to_json(header),
                "config": config.model_dump_json(),
                "model": weights,
                "loss": loss.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "epoch": epoch,
                "best": best,
            },
            buffer,
        )
        write_atomically(state_file, buffer.getvalue())
        _append_log(out / "log.csv", report)
        yield report


def _named(scores: Scores | None) -> dict[str, float]:
    return {} if scores is None else scores._asdict()


def _append_log(path: Path, report: EpochReport) -> None:
    row = {
        "epoch": report.epoch,
        "loss": round(report.loss, 5),
        "radius_loss": round(report.radius_loss, 5),
        "learning_rate": report.learning_rate,
        "seconds": round(report.seconds, 1),
        **{name: "" for name in Scores._fields},
        **{name: round(value, 5) for name, value in _named(report.scores).items()},
    }
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if is_new:
            writer.writeheader()
        writer.writerow(row)
