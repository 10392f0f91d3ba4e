"""A training run: its parts, put together from a folder of data and a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.errors import DataError, HypsegError, setting
from hypsegcli.files.digest import digest_file, short_digest
from hypsegcli.files.mark import image_mark, kept_marks
from hypsegcli.files.words import as_text, count_alike, count_of
from hypsegcli.hierarchy.tree import ClassTree, background_of
from hypsegcli.images.shrink import shrunk_size
from hypsegcli.inference.device import Device
from hypsegcli.network.config import PROTOTYPES, ModelConfig
from hypsegcli.network.model import EMBEDDING, Network, build_model
from hypsegcli.training.colors import read_colors
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import Crop, EpochSampler, Split, read_split
from hypsegcli.training.init import Start, imported_network, initialise, terms
from hypsegcli.training.layouts import Reading, open_source
from hypsegcli.training.learner import Learner, moving_average
from hypsegcli.training.loader import More, build_loader, read_more
from hypsegcli.training.loss import SegmentationLoss, class_weights
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.prototypes import PrototypeTeacher, make_teacher
from hypsegcli.training.ranks import ALONE, Ranks
from hypsegcli.truth.shift import histograms_shifted

_NAMED = 5  # files in a remark
_FEWEST = 2  # classes


@dataclass(frozen=True)
class Job:
    """What is asked for."""

    data: Path
    out: Path
    config: TrainConfig
    device: Device
    directory: Path = Path()  # that its paths are from


@dataclass(frozen=True)
class Run:
    """Everything that an epoch changes or reads."""

    job: Job
    header: Header  # of an untrained model: without scores
    learner: Learner
    average: AveragedModel | None  # of the learner, where a moving average is asked for
    loss: SegmentationLoss
    teacher: PrototypeTeacher | None  # of a head of prototypes
    optimizer: Optimizer
    schedule: LambdaLR
    sampler: EpochSampler
    loader: DataLoader[Crop | HypsegError]  # see read_batches
    train_split: Split
    val_split: Split
    held_out: tuple[int, ...]
    digests: Mapping[str, Mapping[str, str]]  # by part of the data and by file, of what is in all that is read
    remarks: tuple[str, ...]  # what is odd, but no reason to refuse it
    ranks: Ranks  # that share its steps

    def parts(self) -> dict[str, Any]:
        """What a state file holds the state of."""
        parts: dict[str, Any] = {
            "model": self.learner.model,
            "loss": self.loss,
            "teacher": self.teacher,
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


def prepare(job: Job, earlier: Header | None = None, ranks: Ranks = ALONE) -> Run:
    """Look at all data and build every part.

    `earlier` is the header of a run that goes on, whose weights come later. Raises DataError, PlanError,
    ImageError, TreeError or CheckpointError where something does not fit.
    """
    config, read = job.config, job.config.seen_from(job.directory)
    told: list[str] = []
    reading = Reading(
        id_map=Path(read.map) if read.map else None,
        mask_colors=Path(read.mask_colors) if read.mask_colors else None,
        unlabelled=config.unlabelled,
        image_suffix=config.image_suffix,
        mask_suffix=config.mask_suffix,
    )
    source = open_source(job.data, config.layout, reading, told.append)
    tree = source.tree
    held_out, background = _held_out(config, tree), _background(config, tree)
    pairs = [source.pairs("train"), source.pairs("val")]  # both, before the first file is decoded
    train_split, val_split = (read_split(each, source, ignore_index=config.ignore_index) for each in pairs)
    splits = {"train": train_split, "val": val_split}
    for split in splits.values():
        split.pixels[list(held_out)] = 0
        if not split.pixels.any():
            raise DataError(f"{job.data}: no pixel is left of the classes that are not held out")
    if len(train_split.pairs) < config.batch_size:
        raise DataError(
            f"{job.data}, train: {len(train_split.pairs)} images do not fill a batch; lower {setting('batch_size')}"
        )
    _refuse_nothing_to_choose(config, train_split)
    more = read_more(read, tree, job.directory)
    flat = config.softmax == "flat" or tree.is_flat or config.head in PROTOTYPES
    decided = {"nodes": tree.classes if flat else tree.nodes, "softmax": "flat" if flat else "hierarchical"}
    torch.manual_seed(config.seed)
    imported = imported_network(config.init, earlier)
    model = build_model(ModelConfig(**config.architecture() | decided | imported))
    if imported:
        told.append(f"the layers are those of {model.config.kind.title}, whatever backbone and the like say")
    if earlier is None:
        start = _initialise(model, config, tree)
        initialised_from, new_head = start.description, any(name.startswith("head.") for name in start.random)
        images, validated_images, ancestors = start.images, start.validated_images, start.ancestors
        known = start.input or InputSpec(
            **model.normalisation._asdict(), height=train_split.height, width=train_split.width
        )
        seen = {*images, *validated_images} & {image_mark(digest) for digest in val_split.digests.values()}
        if seen:
            told.append(
                f"{len(seen)} of {count_of(len(val_split.pairs), 'image')} to validate on are known to what it starts "
                "from, which was trained on them or chosen by them: their scores are too good"
            )
    else:
        initialised_from, new_head = earlier.provenance.initialised_from, False
        images, validated_images = earlier.provenance.trained_images, earlier.provenance.validated_images
        ancestors = earlier.provenance.ancestors
        known = earlier.input
    name = job.data.resolve().name
    learned = {*map(image_mark, [*train_split.digests.values(), *more.digests["more_data"].values()])}
    validated = [image_mark(digest) for digest in val_split.digests.values()]
    header = Header(
        model=model.config,
        input=_input(config, known, train_split, more),
        tree=tree,
        colors=read_colors(
            Path(read.colors) if read.colors else None, tree.names[: tree.classes], background=background
        ),
        ignore_index=config.ignore_index,
        background=background,
        provenance=Provenance(
            trained_on=as_text("; ".join([f"{name}/train, {len(train_split.pairs)} images", *more.names])),
            validated_on=f"{as_text(name)}/val, {len(val_split.pairs)} images",
            trained_images=kept_marks([*images, *learned]),
            validated_images=kept_marks([*validated_images, *validated]),
            licence=terms(config.licence, ancestors),
            initialised_from=initialised_from,
            ancestors=ancestors,
            recipe=config.model_dump(mode="json"),
            hypseg_version=version("hypseg"),
            torch_version=torch.__version__,
        ),
    )
    learner = Learner(
        model,
        learn_curvature=config.learn_curvature,
        train_only=config.train_only,
        freeze_batch_norm=config.freeze_batch_norm,
    ).to(job.device.torch)
    loss = SegmentationLoss(
        tree,
        class_weights(train_split.pixels, config.class_weights, largest=config.max_class_weight),
        ignore_index=config.ignore_index,
        radius_weight=config.radius_weight,
        other_weight=config.other_worlds_weight,
        kind=model.config.kind,
    ).to(job.device.torch)
    average = moving_average(learner, config.ema_decay) if config.ema_decay else None
    optimizer = build_optimizer(nn.ModuleList([learner, loss]), config)
    loader, sampler = build_loader(job.config, train_split, more, header=header, held_out=held_out, place=ranks.place)
    steps = config.epochs * len(loader)
    schedule = build_schedule(optimizer, config, steps=steps)
    teacher = make_teacher(config, tree, steps, from_chance=new_head, device=job.device.torch)
    remarks = (
        *told,
        *_leaked(learned, validated),
        *source.notes,
        *_remarks(config, tree, new_head=new_head),
        *(f"{name}: {doubt}" for name, split in splits.items() for doubt in split.doubts),
        *(
            f"{name}: {line}"
            for name, split in splits.items()
            for line in count_alike(chain.from_iterable(split.notes), "image")
        ),
        *more.notes,
        *_absent("train", train_split, tree),
        *_absent("val", val_split, tree),
        *_shifted(train_split, val_split),
    )
    return Run(
        job, header, learner, average, loss, teacher, optimizer, schedule, sampler, loader, train_split, val_split,
        held_out, _digests(read, train_split, val_split, more), remarks, ranks,
    )  # fmt: skip


def _digests(config: TrainConfig, train: Split, val: Split, more: More) -> dict[str, Mapping[str, str]]:
    texts = {name: getattr(config, name) for name in ("map", "mask_colors", "colors", "more_names")}
    named = {name: short_digest(digest_file(Path(path))) for name, path in texts.items() if path}
    return {"train": train.digests, "val": val.digests, **more.digests, "texts": named}


def _initialise(model: Network, config: TrainConfig, tree: ClassTree) -> Start:
    start = initialise(model, config.init, tree, head=config.train_only != "head")
    random = [name for name in start.random if not name.startswith(("head.", *EMBEDDING))]
    if config.train_only != "all" and random:
        raise DataError(
            f"train_only={config.train_only} would leave {len(random)} tensors as chance made them, such as "
            f"{random[0]} ({start.description}); choose an {setting('init')} whose network is this one"
        )
    return start


def _input(config: TrainConfig, known: InputSpec, split: Split, more: More) -> InputSpec:
    """As into what it starts from, but of the size of what is learned from; larger ones show what they show there."""
    height, width = shrunk_size(split.height, split.width, config.longest_side or None)
    shown = (known.field_of_view or "fixed") if config.field_of_view == "auto" else config.field_of_view
    side = None if shown == "grows" and not config.longest_side else _longest_side(config, split, more)
    update = {
        "height": height, "width": width, "longest_side": side, "field_of_view": shown, "sampling": config.sampling
    }  # fmt: skip
    return known.model_copy(update=update)


def _refuse_nothing_to_choose(config: TrainConfig, split: Split) -> None:
    """Where images have no more pixels than samples are to be taken of them."""
    usual = int(np.percentile(split.longest_sides, 95, method="inverted_cdf"))
    if config.sampling == "adaptive" and usual <= config.longest_side:
        raise DataError(
            f"{setting('sampling', 'adaptive')} chooses among the pixels of images that are shrunk, but 19 of 20 have "
            f"no more than {usual} on their longer side; {setting('longest_side')} must be less"
        )


def _held_out(config: TrainConfig, tree: ClassTree) -> tuple[int, ...]:
    names = tree.names[: tree.classes]
    if unknown := [name for name in config.held_out if name not in names]:
        raise DataError(f"held_out: {', '.join(unknown)}: no such class; there are {', '.join(names)}")
    held_out = tuple(sorted({names.index(name) for name in config.held_out}))
    if len(names) - len(held_out) < _FEWEST:
        raise DataError(f"{len(names) - len(held_out)} classes are left to be told apart; it takes {_FEWEST}")
    return held_out


def _background(config: TrainConfig, tree: ClassTree) -> int | None:
    names = tree.names[: tree.classes]
    if config.background and config.background not in names:
        raise DataError(f"background: {config.background}: no such class; there are {', '.join(names)}")
    return names.index(config.background) if config.background else background_of(tree)


def _remarks(config: TrainConfig, tree: ClassTree, *, new_head: bool) -> list[str]:
    remarks = []
    if config.train_only == "all" and config.head_epochs:
        remarks.append(
            f"embedding and classifier learn alone up to epoch {config.head_epochs}"
            f"{': till then scores say little' if new_head else ''}"
        )
    if config.softmax == "hierarchical" and tree.is_flat:
        remarks.append("there is no hierarchy.json, so the softmax is flat")
    elif config.softmax == "hierarchical" and config.head in PROTOTYPES:
        remarks.append("prototypes are of classes alone, so the softmax is flat")
    if config.ignore_index < tree.classes:
        name = tree.names[config.ignore_index]
        remarks.append(f"'{name}' is not learned: its id, {config.ignore_index}, is what means 'not labelled'")
    return remarks


def _longest_side(config: TrainConfig, split: Split, more: More) -> int:
    """What 19 of 20 images that are learned from do not exceed, in pixels, as they go in."""
    sides = [*split.longest_sides, *(pair.longest_side for pair in more.pairs)]
    usual = int(np.percentile(sides, 95, method="inverted_cdf"))
    return min(usual, config.longest_side or usual)


def _leaked(learned: Set[str], validated: Sequence[str]) -> list[str]:
    """On images to validate on whose files are among those that are learned from, from the marks of both."""
    if not (leaked := sum(mark in learned for mark in validated)):
        return []
    return [
        f"{leaked} of {count_of(len(validated), 'image')} to validate on {'is' if leaked == 1 else 'are'} trained on "
        "too, byte for byte: scores are too good, and so seems the best epoch; keep each image in one part of the data "
        "alone, train, val or more_data"
    ]


def _shifted(train: Split, val: Split) -> list[str]:
    if not histograms_shifted(train.pixels, val.pixels):
        return []
    return [
        "train and val have classes in like shares only if the ids of one are off by one: look whether one of them "
        "runs from 0 and the other from 1"
    ]


def _absent(name: str, split: Split, tree: ClassTree) -> list[str]:
    remarks = []
    if absent := [tree.names[k] for k in range(tree.classes) if not split.pixels[k]]:
        remarks.append(f"{name}: no mask has a pixel to be learned of {', '.join(absent)}")
    if split.void:
        some = ", ".join(path.name for path in split.void[:_NAMED])
        remarks.append(f"{name}: nothing is labelled in {len(split.void)} masks, such as {some}")
    return remarks
