"""A training run: its parts, put together from a folder of data and a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from hypsegcli.checkpoint.format import Header
from hypsegcli.errors import DataError, HypsegError, PlanError, setting
from hypsegcli.files.digest import digest_file, short_digest
from hypsegcli.files.mark import image_mark
from hypsegcli.files.within import is_within
from hypsegcli.hierarchy.alike import inherit_tree
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.inference.device import Device
from hypsegcli.network.config import PROTOTYPES, ModelConfig
from hypsegcli.network.model import EMBEDDING, Network, build_model
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import Crop, EpochSampler, Split, read_split
from hypsegcli.training.init import Start, imported_network, initialise, known_tree
from hypsegcli.training.layouts import Reading, Source, open_source
from hypsegcli.training.learner import Learner, moving_average
from hypsegcli.training.loader import More, build_loader, read_more
from hypsegcli.training.loss import SegmentationLoss, class_weights
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.prototypes import PrototypeTeacher, make_teacher
from hypsegcli.training.ranks import ALONE, Ranks
from hypsegcli.training.remarks import remarks_on_data, remarks_on_leaks, remarks_on_settings, remarks_on_start
from hypsegcli.training.untrained import origin_of, origin_of_earlier, untrained_header

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
    source: Source
    train_split: Split
    val_split: Split
    held_out: tuple[int, ...]
    digests: Mapping[str, Mapping[str, str]]  # by part of the data and by file, of what is in all that is read
    start: str  # where first weights come from, in words; empty where a run goes on
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
    source = open_source(job.data, config.layout, Reading.of(read), told.append)
    _refuse_within(job.out, source.folders)
    tree, inherited = _tree(source, config, earlier)
    told += inherited
    held_out = _held_out(config, tree)
    pairs = [source.pairs("train"), source.pairs("val")]  # both, before the first file is decoded
    train_split, val_split = (read_split(each, source, ignore_index=config.ignore_index) for each in pairs)
    _refuse_unfit(job, config, train_split, val_split, held_out)
    more = read_more(read, tree, job.directory)
    _refuse_within(job.out, more.folders)
    flat = config.softmax == "flat" or tree.is_flat or config.head in PROTOTYPES
    decided = {"nodes": tree.classes if flat else tree.nodes, "softmax": "flat" if flat else "hierarchical"}
    torch.manual_seed(config.seed)
    imported = imported_network(config.init, earlier)
    model = build_model(ModelConfig(**config.architecture() | decided | imported))
    if imported:
        told.append(f"the layers are those of {model.config.kind.title}, whatever backbone and the like say")
    start = _initialise(model, config, tree) if earlier is None else None
    if start:
        told += start.rows.told() if start.rows else []
        told += remarks_on_start((*start.images, *start.validated_images), val_split)
    origin = origin_of(start, tree) if start else origin_of_earlier(cast(Header, earlier))
    learned = {*map(image_mark, [*train_split.digests.values(), *more.digests["more_data"].values()])}
    header = untrained_header(
        job.data, read, model, tree, origin, train=train_split, val=val_split, more=more, learned=sorted(learned),
        recipe=config,
    )  # fmt: skip
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
    known = frozenset(range(tree.classes)) - origin.new_classes
    teacher = make_teacher(config, tree, steps, known=known, device=job.device.torch)
    remarks = (
        *told,
        *remarks_on_leaks(learned, [image_mark(digest) for digest in val_split.digests.values()]),
        *source.notes,
        *remarks_on_settings(config, tree, new_head=origin.new_head),
        *remarks_on_data(train_split, val_split, more.notes, tree),
    )
    return Run(
        job, header, learner, average, loss, teacher, optimizer, schedule, sampler, loader, source, train_split,
        val_split, held_out, _digests(read, train_split, val_split, more), start.description if start else "", remarks,
        ranks,
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


def _tree(source: Source, config: TrainConfig, earlier: Header | None) -> tuple[ClassTree, list[str]]:
    """The class tree: the data's own, else what is left of that of the checkpoint it starts from, with a sentence."""
    tree = source.tree
    if not tree.is_flat or config.softmax == "flat":
        return tree, []
    if earlier:
        known = earlier.tree
        return (known if known.names[: known.classes] == tree.names else tree), []
    if (theirs := known_tree(config.init)) is None or (found := inherit_tree(tree.names, theirs)) is None:
        return tree, []
    inner = ", ".join(found.names[found.classes :])
    return found, [
        f"there is no hierarchy.json: the class tree is that of {config.init}, as far as these classes are in it "
        f"({inner}); {setting('softmax', 'flat')} leaves it out"
    ]


def _refuse_within(out: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        if is_within(out, folder):
            raise PlanError(
                f"{out}: lies in {folder}, which is searched for images and masks, so that every further training "
                "would take what this one draws for one of them; choose a folder outside"
            )


def _refuse_unfit(job: Job, config: TrainConfig, train: Split, val: Split, held_out: Sequence[int]) -> None:
    """Where nothing can be learned of these images; pixels of `held_out` classes count no more."""
    for split in (train, val):
        split.pixels[list(held_out)] = 0
        if not split.pixels.any():
            raise DataError(f"{job.data}: no pixel is left of the classes that are not held out")
    if len(train.pairs) < config.batch_size:
        raise DataError(
            f"{job.data}, train: {len(train.pairs)} images do not fill a batch; lower {setting('batch_size')}"
        )
    _refuse_nothing_to_choose(config, train)


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
