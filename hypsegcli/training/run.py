"""A training run: its parts, and its state on disk.

A run folder holds `best.safetensors` and `last.safetensors` (to use), `state.pt` (to resume), `log.csv`
(an epoch a line) and `config.json`.
"""

from __future__ import annotations

import io
import json
import math
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
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import HyperbolicDeepLab, build_model
from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.colors import read_colors
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import CropDataset, EpochSampler, Sample, read_data_tree, read_split
from hypsegcli.training.loss import SegmentationLoss, class_weights
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.validate import Scores

STATE, LOG = "state.pt", "log.csv"

_FILES = (STATE, "best.safetensors", "last.safetensors", LOG)


@dataclass(frozen=True)
class Job:
    """What is asked for."""

    data: Path
    out: Path
    config: TrainConfig
    architecture: dict[str, Any]  # ModelConfig's fields without `nodes`, which the class tree decides
    ignore_index: int
    licence: str
    colors: Path | None
    device: Device


@dataclass(frozen=True)
class Run:
    """Everything that an epoch changes or reads."""

    job: Job
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


def check_folder(out: Path, *, resume: bool) -> None:
    """Refuse a run folder that is in use, or has nothing to resume from."""
    taken = [name for name in _FILES if (out / name).exists()]
    if taken and not resume:
        raise UsageError(f"{out}: holds a training run already; continue it with --resume or choose another folder")
    if taken and STATE not in taken:
        raise UsageError(f"{out}: holds {', '.join(taken)}, but no {STATE} to resume from; choose another folder")


def prepare(job: Job) -> Run:
    """Look at all data and build every part, with random weights.

    Raises DataError, ImageError or TreeError where something does not fit.
    """
    tree = read_data_tree(job.data)
    train_split, val_split = (
        read_split(job.data, name, classes=tree.classes, ignore_index=job.ignore_index) for name in ("train", "val")
    )
    if len(train_split.samples) < job.config.batch_size:
        raise DataError(
            f"{job.data / 'train'}: {len(train_split.samples)} images do not fill a batch; lower --batch-size"
        )
    flat = job.architecture.get("softmax") == "flat" or tree.is_flat
    decided = {"nodes": tree.classes if flat else tree.nodes, "softmax": "flat" if flat else "hierarchical"}
    header = Header(
        model=ModelConfig(**job.architecture | decided),
        input=InputSpec(height=train_split.height, width=train_split.width),
        tree=tree,
        colors=read_colors(job.colors, tree.names[: tree.classes]),
        ignore_index=job.ignore_index,
        provenance=Provenance(
            trained_on=f"{job.data.resolve().name}/train, {len(train_split.samples)} images",
            validated_on=f"{job.data.resolve().name}/val, {len(val_split.samples)} images",
            licence=job.licence,
            recipe=job.config.model_dump(),
            hypseg_version=version("hypseg"),
            torch_version=torch.__version__,
        ),
    )
    torch.manual_seed(job.config.seed)
    model = build_model(header.model).to(job.device.torch).to(memory_format=torch.channels_last)
    loss = SegmentationLoss(
        tree,
        class_weights(train_split.pixels, largest=job.config.max_class_weight),
        ignore_index=job.ignore_index,
        radius_weight=job.config.radius_weight,
    ).to(job.device.torch)
    optimizer = build_optimizer(model, loss, job.config)
    mean = header.input.mean
    fill = (round(255 * mean[0]), round(255 * mean[1]), round(255 * mean[2]))
    dataset = CropDataset(train_split.samples, build_augmentation(job.config, fill=fill, ignore_index=job.ignore_index))
    sampler = EpochSampler(len(dataset), seed=job.config.seed)
    loader = DataLoader(
        dataset, batch_size=job.config.batch_size, sampler=sampler, drop_last=True, num_workers=job.config.workers
    )
    schedule = build_schedule(optimizer, job.config, steps=job.config.epochs * len(loader))
    return Run(job, header, model, loss, optimizer, schedule, sampler, loader, val_split.samples)


def save_run(run: Run, epoch: int, scores: Scores | None, *, best: float, is_best: bool) -> None:
    """Write `last.safetensors`, `best.safetensors` where it is, and `state.pt` last: it stands for the others."""
    found = {} if scores is None else scores._asdict()
    # An AUROC is NaN where no pixel, or every pixel, was wrong; JSON has no NaN.
    named = {name: round(value, 4) for name, value in found.items() if math.isfinite(value)}
    provenance = run.header.provenance.model_copy(update={"scores": named})
    header = run.header.model_copy(update={"provenance": provenance})
    for name in ("best", "last") if is_best else ("last",):
        save_checkpoint(run.job.out / f"{name}.safetensors", header, run.model.state_dict(), half=True)
    state = {key: part.state_dict() for key, part in run.parts().items()}
    state |= {
        "header": header_to_json(header),
        "config": run.job.config.model_dump_json(),
        "epoch": epoch,
        "best": best,
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(run.job.out / STATE, buffer.getvalue())


def restore_run(run: Run) -> tuple[int, float]:
    """Load the state file into the run; the last epoch done, and the best score so far."""
    state = torch.load(run.job.out / STATE, map_location=run.job.device.torch, weights_only=True)
    earlier = header_from_json(state["header"], origin=run.job.out / STATE)
    was, now = _choices(earlier, json.loads(state["config"])), _choices(run.header, run.job.config.model_dump())
    if changed := [name for name in now if was.get(name) != now[name]]:
        raise UsageError(
            f"{run.job.out}: was started with other options or data, different in {', '.join(changed)}; resume with "
            "those, or choose another folder"
        )
    for key, part in run.parts().items():
        part.load_state_dict(state[key])
    return state["epoch"], state["best"]


def _choices(header: Header, config: dict[str, Any]) -> dict[str, Any]:
    """All that must be the same when a run goes on, by name."""
    about = {"class tree": header.tree, "ignore index": header.ignore_index}
    about |= {"training images": header.provenance.trained_on, "validation images": header.provenance.validated_on}
    return config | header.model.model_dump() | about
