"""A training run: its parts, and its state on disk.

A run folder holds `best.safetensors` and `last.safetensors` (to use), `state.pt` (to resume), `log.csv`
(an epoch a line), `config.toml` (every setting), `pictures/` and, on request, `tensorboard/`.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance, header_from_json, header_to_json
from hypsegcli.checkpoint.store import save_checkpoint
from hypsegcli.errors import DataError, UsageError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrunk_size
from hypsegcli.images.write import write_atomically
from hypsegcli.inference.device import Device
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_model
from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.colors import read_colors
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import Crop, CropDataset, EpochSampler, Split, read_data_tree, read_split
from hypsegcli.training.init import initialise
from hypsegcli.training.learner import Learner
from hypsegcli.training.loss import SegmentationLoss, class_weights
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.validate import Scores

STATE, LOG, CONFIG = "state.pt", "log.csv", "config.toml"

_FILES = (STATE, "best.safetensors", "last.safetensors", LOG)

# Settings that may change when a run goes on, for they change no weight.
_FREE = {"workers", "pictures", "tensorboard"}

_NAMED = 5


@dataclass(frozen=True)
class Job:
    """What is asked for."""

    data: Path
    out: Path
    config: TrainConfig
    device: Device


@dataclass(frozen=True)
class Run:
    """Everything that an epoch changes or reads."""

    job: Job
    header: Header  # of an untrained model: without scores
    learner: Learner
    average: AveragedModel | None  # of the learner, where a moving average is asked for
    loss: SegmentationLoss
    optimizer: Optimizer
    schedule: LambdaLR
    sampler: EpochSampler
    loader: DataLoader[Crop]
    train_split: Split
    val_split: Split
    held_out: tuple[int, ...]
    notes: tuple[str, ...]  # what a person should know before the first epoch

    def parts(self) -> dict[str, Any]:
        """What a state file holds the state of."""
        parts: dict[str, Any] = {
            "model": self.learner.model,
            "loss": self.loss,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "curvature": self.learner.curvature,
            "average": self.average,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def scored(self) -> Learner:
        """What is validated and saved: the moving average where there is one."""
        if self.average is None:
            return self.learner
        return cast(Learner, self.average.module)


def check_folder(out: Path, *, resume: bool) -> None:
    """Refuse a run folder that is in use, or has nothing to resume from."""
    taken = [name for name in _FILES if (out / name).exists()]
    if taken and not resume:
        raise UsageError(f"{out}: holds a training run already; continue it with --resume or choose another folder")
    if taken and STATE not in taken:
        raise UsageError(f"{out}: holds {', '.join(taken)}, but no {STATE} to resume from; choose another folder")


def prepare(job: Job) -> Run:
    """Look at all data and build every part.

    Raises DataError, ImageError, TreeError or CheckpointError where something does not fit.
    """
    config = job.config
    tree = read_data_tree(job.data)
    held_out = _held_out(config, tree)
    train_split, val_split = (
        read_split(job.data, name, classes=tree.classes, ignore_index=config.ignore_index) for name in ("train", "val")
    )
    if len(train_split.samples) < config.batch_size:
        raise DataError(
            f"{job.data / 'train'}: {len(train_split.samples)} images do not fill a batch; lower --batch-size"
        )
    flat = config.softmax == "flat" or tree.is_flat
    decided = {"nodes": tree.classes if flat else tree.nodes, "softmax": "flat" if flat else "hierarchical"}
    height, width = shrunk_size(train_split.height, train_split.width, config.longest_side or None)
    torch.manual_seed(config.seed)
    model = build_model(ModelConfig(**config.architecture() | decided))
    origin = initialise(model, config.init, tree, head=config.train_only == "all")
    header = Header(
        model=model.config,
        input=InputSpec(height=height, width=width),
        tree=tree,
        colors=read_colors(Path(config.colors) if config.colors else None, tree.names[: tree.classes]),
        ignore_index=config.ignore_index,
        provenance=Provenance(
            trained_on=f"{job.data.resolve().name}/train, {len(train_split.samples)} images",
            validated_on=f"{job.data.resolve().name}/val, {len(val_split.samples)} images",
            licence=config.licence,
            initialised_from=origin,
            recipe=config.model_dump(mode="json"),
            hypseg_version=version("hypseg"),
            torch_version=torch.__version__,
        ),
    )
    learner = Learner(model, learn_curvature=config.learn_curvature, train_only=config.train_only).to(job.device.torch)
    seen = train_split.pixels.copy()
    seen[list(held_out)] = 0
    weights = class_weights(seen, config.class_weights, largest=config.max_class_weight)
    loss = SegmentationLoss(tree, weights, ignore_index=config.ignore_index, radius_weight=config.radius_weight).to(
        job.device.torch
    )
    average = None
    if config.ema_decay:
        average = AveragedModel(learner, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True)  # type: ignore[no-untyped-call]
    optimizer = build_optimizer(nn.ModuleList([learner, loss]), config)
    loader, sampler = _build_loader(job, train_split, header, held_out)
    schedule = build_schedule(optimizer, config, steps=config.epochs * len(loader))
    notes = (f"starts from {origin}", *_remarks("train", train_split, tree), *_remarks("val", val_split, tree))
    return Run(
        job, header, learner, average, loss, optimizer, schedule, sampler, loader, train_split, val_split, held_out,
        notes,
    )  # fmt: skip


def _held_out(config: TrainConfig, tree: ClassTree) -> tuple[int, ...]:
    names = tree.names[: tree.classes]
    if unknown := [name for name in config.held_out if name not in names]:
        raise DataError(f"held_out: {', '.join(unknown)}: no such class; there are {', '.join(names)}")
    held_out = tuple(sorted({names.index(name) for name in config.held_out}))
    if len(held_out) == len(names):
        raise DataError("held_out: all classes are held out, so that nothing is left to be trained on")
    return held_out


def _build_loader(
    job: Job, split: Split, header: Header, held_out: tuple[int, ...]
) -> tuple[DataLoader[Crop], EpochSampler]:
    config = job.config
    red, green, blue = (round(255 * mean) for mean in header.input.mean)
    dataset = CropDataset(
        split.samples,
        build_augmentation(config, fill=(red, green, blue), ignore_index=config.ignore_index),
        ignore_index=config.ignore_index,
        held_out=held_out,
        longest_side=config.longest_side or None,
    )
    sampler = EpochSampler(len(dataset), seed=config.seed)
    loader = DataLoader(
        dataset, batch_size=config.batch_size, sampler=sampler, drop_last=True, num_workers=config.workers
    )
    return loader, sampler


def _remarks(name: str, split: Split, tree: ClassTree) -> list[str]:
    """What is odd about a split, but no reason to refuse it."""
    remarks = []
    if absent := [tree.names[k] for k in range(tree.classes) if not split.pixels[k]]:
        remarks.append(f"{name}: no mask has a pixel of {', '.join(absent)}")
    if split.void:
        some = ", ".join(path.name for path in split.void[:_NAMED])
        remarks.append(f"{name}: nothing is labelled in {len(split.void)} masks, such as {some}")
    return remarks


def save_run(run: Run, epoch: int, scores: Scores | None, *, best: float, is_best: bool) -> None:
    """Write `last.safetensors`, `best.safetensors` where it is, and `state.pt` last: it stands for the others."""
    found = {} if scores is None else scores._asdict()
    # An AUROC is NaN where no pixel, or every pixel, was wrong; JSON has no NaN.
    named = {name: round(value, 4) for name, value in found.items() if math.isfinite(value)}
    provenance = run.header.provenance.model_copy(update={"scores": named})
    model = run.scored().finished()
    header = run.header.model_copy(update={"provenance": provenance, "model": model.config})
    for name in ("best", "last") if is_best else ("last",):
        save_checkpoint(run.job.out / f"{name}.safetensors", header, model.state_dict(), half=True)
    header = header.model_copy(update={"model": run.learner.finished().config})
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
    was = _choices(earlier, json.loads(state["config"]))
    now = _choices(run.header, run.job.config.model_dump(mode="json"))
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
    about: dict[str, Any] = {
        "class tree": header.tree,
        "training images": header.provenance.trained_on,
        "validation images": header.provenance.validated_on,
    }
    return {name: value for name, value in config.items() if name not in _FREE} | about
