"""A run of `hypseg cluster`: its parts, put together from photographs and a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.errors import DataError, HypsegError, ImageError, UsageError, setting
from hypsegcli.files.digest import short_digest
from hypsegcli.files.mark import image_mark, kept_marks
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.files.words import count_alike, count_of
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.decode import decode_image
from hypsegcli.images.shrink import shrunk_size
from hypsegcli.inference.device import Device
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import HyperbolicDeepLab, Network, build_model
from hypsegcli.pictures.palette import spread_colors
from hypsegcli.training.clustering.config import STEPS, USED, ClusterConfig
from hypsegcli.training.clustering.learner import ClusterLearner
from hypsegcli.training.clustering.views import Views, ViewsDataset, sizes_of
from hypsegcli.training.dataset import EpochSampler
from hypsegcli.training.init import Start, imported_network, initialise, terms
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.read_batches import Reading, collate, leave_stopping_to_training

_FEWEST = 2  # images


@dataclass(frozen=True)
class Job:
    """What is asked for."""

    images: Mapping[str, Path]  # by key: wherever they lie, they are known by that, and by what they hold
    out: Path
    config: ClusterConfig
    device: Device


@dataclass(frozen=True)
class Run:
    """Everything that an epoch changes or reads."""

    job: Job
    header: Header
    learner: ClusterLearner
    optimizer: Optimizer
    schedule: LambdaLR
    sampler: EpochSampler
    loader: DataLoader[Views | HypsegError]
    dataset: ViewsDataset
    epochs: int
    digests: Mapping[str, str]  # by key, of what is in all images
    remarks: tuple[str, ...]

    def parts(self) -> dict[str, Any]:
        """What a state file holds the state of; the network's is that of a checkpoint."""
        return {
            "model": self.learner.model,
            "over": self.learner.over,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }


class _Look(NamedTuple):
    """At one image; `trouble` where it cannot be read."""

    size: tuple[int, int] = (0, 0)
    digest: str = ""
    mark: str = ""
    notes: tuple[str, ...] = ()
    trouble: str = ""


def prepare(job: Job, earlier: Header | None = None) -> Run:
    """Look at all images and build every part.

    `earlier` is the header of a run that goes on, whose weights come later; what it started from is not looked at.
    Images that cannot be read are left out, with a remark; the order of the rest is that of their keys, whichever they
    were named in. Raises DataError where fewer than two are left, UsageError, CheckpointError or DataError where the
    start does not fit.
    """
    config = job.config
    images = dict(sorted(job.images.items()))
    looks = list(ahead(_look, images.values(), workers=default_workers(), pixels=lambda seen: math.prod(seen.size)))
    good = {key: look for key, look in zip(images, looks, strict=True) if not look.trouble}
    bad = [look.trouble for look in looks if look.trouble]
    if len(good) < _FEWEST:
        some = f": {bad[0]}" if bad else ""
        raise DataError(f"{count_of(len(good), 'image')} to learn from; clusters take two at least{some}")
    sizes = [shrunk_size(*look.size, config.longest_side or None) for look in good.values()]
    torch.manual_seed(config.seed)
    imported = imported_network(config.source, earlier)
    wanted = config.architecture() | {"nodes": config.clusters, "softmax": "flat"} | imported
    model = build_model(ModelConfig(**wanted))
    if not isinstance(model, HyperbolicDeepLab):
        raise UsageError(
            f"{setting('init', config.init)}: clusters are learned by networks of ours with DeepLabV3+'s decoder, and "
            f"this one is {model.config.kind.title}; choose another {setting('init')}, or decoder=deeplab"
        )
    tree = flat_tree([f"cluster {index}" for index in range(config.clusters)])
    start = initialise(model, config.source, tree, head=True) if earlier is None else _start_of(earlier)
    learner = ClusterLearner(model, over=config.over, freeze_batch_norm=config.freeze_batch_norm).to(job.device.torch)
    batch = min(config.batch_size, len(good))
    steps = len(good) // batch
    epochs = config.epochs or max(2, math.ceil(STEPS / steps))
    optimizer = build_optimizer(learner, config)
    known = start.input or InputSpec(**model.normalisation._asdict(), height=None, width=None)
    header = _header(config, model, start, tuple(good.values()), sizes, _input(config, known, sizes))
    red, green, blue = (round(255 * mean) for mean in known.mean)
    digests = {key: look.digest for key, look in good.items()}
    shown = sizes_of(config, sizes)
    dataset = ViewsDataset(
        [(images[key], digest) for key, digest in digests.items()], config, sizes=shown, fill=(red, green, blue)
    )
    sampler = EpochSampler(len(good), seed=config.seed)
    loader: DataLoader[Views | HypsegError] = DataLoader(
        Reading(dataset),
        batch_size=batch,
        sampler=sampler,
        drop_last=True,
        num_workers=config.workers,
        persistent_workers=config.workers > 0,  # an epoch of few images is shorter than their start
        collate_fn=collate,
        worker_init_fn=leave_stopping_to_training,
    )
    remarks = [
        f"{count_of(len(good), 'image')}, {count_of(epochs, 'epoch')} of {count_of(steps, 'step')}; views of "
        f"{' x '.join(map(str, shown.view))} pixels; {config.clusters} clusters, and {config.over} in the "
        "second head",
        *([f"{count_of(len(bad), 'image')} cannot be read and teach nothing, such as {bad[0]}"] if bad else []),
        *count_alike(chain.from_iterable(look.notes for look in good.values()), "image"),
    ]
    return Run(
        job,
        header,
        learner,
        optimizer,
        build_schedule(optimizer, config, steps=epochs * steps),
        sampler,
        loader,
        dataset,
        epochs,
        digests,
        tuple(remarks),
    )


def _start_of(earlier: Header) -> Start:
    """What a run was started from, as its header tells."""
    made = earlier.provenance
    return Start(made.initialised_from, (), earlier.input, made.trained_images, made.validated_images, made.ancestors)


def _look(path: Path) -> _Look:
    try:
        image = decode_image(path)
    except ImageError as error:
        return _Look(trouble=error.message)
    assert image.digest is not None, "it was decoded from a file"
    height, width = image.pixels.shape[:2]
    return _Look((height, width), short_digest(image.digest), image_mark(image.digest.sha256), image.notes)


def _input(config: ClusterConfig, known: InputSpec, sizes: Sequence[tuple[int, int]]) -> InputSpec:
    """As into what it starts from, but of the size of what is learned from."""
    height, width = np.median(np.asarray(sizes), axis=0).astype(int).tolist()
    shown = (known.field_of_view or "fixed") if config.field_of_view == "auto" else config.field_of_view
    usual = int(np.percentile(np.max(np.asarray(sizes), axis=1), 95, method="inverted_cdf"))
    side = None if shown == "grows" and not config.longest_side else max(16, usual)
    update = {"height": height, "width": width, "longest_side": side, "field_of_view": shown, "sampling": "uniform"}
    return known.model_copy(update=update)


def _header(
    config: ClusterConfig,
    model: Network,
    start: Start,
    looks: Sequence[_Look],
    sizes: Sequence[tuple[int, int]],
    spec: InputSpec,
) -> Header:
    kept = config.model_dump(mode="json")
    return Header(
        model=model.config,
        input=spec,
        tree=flat_tree([f"cluster {index}" for index in range(config.clusters)]),
        colors=spread_colors(config.clusters),
        ignore_index=config.ignore_index,
        provenance=Provenance(
            trained_on=f"{count_of(len(sizes), 'image')} without masks, by clustering",
            trained_images=kept_marks([*start.images, *(look.mark for look in looks)]),
            validated_images=start.validated_images,
            licence=terms(config.licence, start.ancestors),
            initialised_from=start.description,
            ancestors=start.ancestors,
            recipe={name: kept[name] for name in USED},
            hypseg_version=version("hypseg"),
            torch_version=torch.__version__,
        ),
    )
