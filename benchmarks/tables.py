"""The paper's comparisons at CamVid's size, on the frozen features of one network; Markdown tables.

    python benchmarks/tables.py heads CAMVID          which head, which softmax, how many dimensions
    python benchmarks/tables.py radius CAMVID         what teaches the radius: how much of its loss, layers, a fold
    python benchmarks/tables.py prototypes CAMVID     prototypes: how many a class, D, in which space
    hypseg train --data CAMVID --out RUN --config benchmarks/zero_label.toml
    python benchmarks/tables.py zero-label CAMVID --trunk RUN/last.safetensors

Features of augmented crops and of the validation images are computed once; embedding and classifier of every cell are
then trained on them, with the losses, optimiser and schedule of `hypseg train` and the settings of heads.toml beside
this file. A seed is that of the first weights and of the order of batches. `hypseg train --config
benchmarks/heads.toml --head euclidean --embedding-size 2` trains a single cell the usual way, and with `--set
train_only=all` the whole network, which takes days where this takes half an hour.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, cast

import torch
from torch import Tensor, nn

from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.normalise import normalise
from hypsegcli.network.config import PROTOTYPES, ModelConfig
from hypsegcli.network.deeplab import make_embedding
from hypsegcli.network.head import HEADS
from hypsegcli.network.model import Network, NetworkOutput
from hypsegcli.network.prototypes import PrototypeHead
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.config_file import check_settings, read_settings
from hypsegcli.training.loss import SegmentationLoss
from hypsegcli.training.optimizer import build_optimizer, build_schedule
from hypsegcli.training.prototypes import make_teacher
from hypsegcli.training.read_batches import batches
from hypsegcli.training.run import Job, Run, prepare
from hypsegcli.training.step import LARGEST_GRADIENT
from hypsegcli.training.validate import Scores, validate

ROOT = Path(__file__).resolve().parents[1]
DIMENSIONS, SOFTMAXES, KINDS = (2, 3, 10, 64), ("flat", "hierarchical"), ("euclidean", "hyperbolic")
WEIGHTS, LAYERS, FOLDS = (0.0, 0.5, 1.0, 2.0, 4.0), (1, 2), (False, True)
PROTOTYPE_DIMENSIONS, PROTOTYPE_COUNTS = (2, 10, 64), (1, 5, 10)
FOLD = 0.15  # share of the images, where there is one
SCORES = ("mean_iou", "pixel_accuracy", "sibling_mean_iou", "cousin_mean_iou", "auroc_distance", "auroc_entropy")
SPACES = dict(zip(PROTOTYPES, ("hyperbolic", "Euclidean", "cosine"), strict=True))
KEYS = {"radius": ("radius weight", "layers", "fold"), "prototypes": ("D", "prototypes a class", "space")}
PROTOTYPE_SCORES = ("mean_iou", "pixel_accuracy", "auroc_distance", "auroc_entropy", "cosine_within")
UNSEEN_SCORES = ("mean_iou", "pixel_accuracy")


@dataclass(frozen=True)
class Features:
    """What every cell of a table learns from and is judged on; features are bfloat16."""

    run: Run  # data, masks and settings; its own embedding and head are not used
    # Features (B, 256, h, w), masks (B, H, W), and which images (B,) are of the fold, step after step of every epoch.
    batches: list[tuple[Tensor, Tensor, Tensor]]
    validation: list[Tensor]  # (1, 256, h, w) of every image


class OnFeatures(nn.Module):
    """Embedding and head alone; as a network it answers for the validation images in their order."""

    def __init__(self, config: ModelConfig, validation: Sequence[Tensor]) -> None:
        super().__init__()
        self.config = config
        self.embed = make_embedding(config)
        self.head = HEADS[config.head](config)
        self.validation = validation
        self.next = 0

    def answer(self, features: Tensor) -> NetworkOutput:
        """What the network says of features."""
        embedding = self.embed(features.float())
        logits, distance = self.head(embedding)
        return NetworkOutput(embedding, logits, distance)

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        """The answer for the next validation image, whose features are known; `mean` is of windows, which none has."""
        features = self.validation[self.next % len(self.validation)]
        self.next += 1
        assert features.shape[2] * 4 == image.shape[2], "images come in another order than their features"
        return self.answer(features)


class Recorder(nn.Module):
    """A network that keeps the features it has just before its embedding."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model, self.config = model, model.config
        self.seen: list[Tensor] = []
        last = model.get_submodule("decoder.refine")
        last.register_forward_hook(lambda *arguments: self.seen.append(arguments[2].bfloat16()))

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        """As the network."""
        output: NetworkOutput = self.model(image, mean)
        return output


@torch.no_grad()
def compute_features(data: Path, settings: dict[str, Any]) -> Features:
    """Pass crops of all epochs, and the validation images, through the frozen layers."""
    run = prepare(Job(data, Path("unused"), check_settings(settings, {}), choose_device("cpu")))
    recorder = Recorder(run.learner.train(False).model)
    seen = []
    for epoch in range(1, run.job.config.epochs + 1):
        run.sampler.epoch = epoch
        for batch in batches(run.loader):
            with torch.autocast("cpu", torch.bfloat16):
                recorder(normalise(batch.image, run.header.input))
            seen.append((recorder.seen.pop(), batch.mask.byte(), torch.as_tensor(batch.in_fold)))
        say(f"features of epoch {epoch} of {run.job.config.epochs}")
    judge(recorder, run.header, run)
    return Features(run, seen, recorder.seen)


def judge(model: nn.Module, header: Header, run: Run, *, held_out: Sequence[int] = ()) -> Scores:
    """Scores on the validation images."""
    longest = run.job.config.longest_side or None
    return validate(
        model,  # type: ignore[arg-type]  # it has all that a Segmenter asks of a network
        header,
        run.val_split.pairs,
        id_map=run.val_split.id_map,
        device=run.job.device,
        held_out=held_out,
        longest_side=longest,
    ).scores


def train_cell(
    features: Features, seed: int, held_out: Sequence[int] = (), *, fold: bool = False, **settings: Any
) -> dict[str, float]:
    """Scores of one cell. `held_out` are the classes that are not looked at when it is judged.

    With `fold`, the fold teaches the radius alone; without, all images teach both.
    """
    run = features.run
    config = TrainConfig.model_validate(run.job.config.model_dump() | settings | {"seed": seed})
    tree: ClassTree = run.header.tree
    nodes = tree.classes if config.softmax == "flat" else tree.nodes
    torch.manual_seed(seed)
    model = OnFeatures(ModelConfig(**config.architecture() | {"nodes": nodes}), features.validation)
    loss = SegmentationLoss(
        tree, run.loss.weights, ignore_index=config.ignore_index, radius_weight=config.radius_weight
    )
    optimizer = build_optimizer(nn.ModuleList([model, loss]), config)
    steps = len(features.batches)
    schedule = build_schedule(optimizer, config, steps=steps)
    teacher = make_teacher(config, tree, steps, known=(), device=run.job.device.torch)
    for index in torch.randperm(len(features.batches)).tolist():
        crops, masks, in_fold = features.batches[index]
        optimizer.zero_grad(set_to_none=True)
        output, target = model.answer(crops), masks.long()
        total = loss(output, target, in_fold if fold else None).total
        if teacher is not None:
            total = total + teacher(cast(PrototypeHead, model.head), output.embedding, target)
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        if teacher is not None:
            teacher.move(cast(PrototypeHead, model.head))
    header = run.header.model_copy(update={"model": model.config})
    scores = judge(model, header, run, held_out=held_out)._asdict()
    return scores if teacher is None else scores | {"cosine_within": cosine_within(cast(PrototypeHead, model.head))}


def cosine_within(head: PrototypeHead) -> float:
    """The mean cosine between two prototypes of a class; 1 where all are one."""
    directions, count = head.directions, head.config.prototypes
    if count == 1:
        return 1.0
    cosines = directions @ directions.mT
    return float((cosines.sum((1, 2)) - count).mean() / (count * (count - 1)))


def cells(table: str, features: Features) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The rows of a table: what they are called, and what they set."""
    settings: dict[str, Any]
    if table == "radius":
        for weight, layers, fold in itertools.product(WEIGHTS, LAYERS, FOLDS):
            name = f"{FOLD:.0%}" if fold else "none"
            settings = {"radius_weight": weight, "embedding_layers": layers, "fold": fold}
            yield (f"{weight:g}", str(layers), name), settings
    if table == "prototypes":
        for size, count, head in itertools.product(PROTOTYPE_DIMENSIONS, PROTOTYPE_COUNTS, PROTOTYPES):
            settings = {"embedding_size": size, "softmax": "flat", "head": head, "prototypes": count}
            yield (str(size), str(count), SPACES[head]), settings
    for size in DIMENSIONS if table == "heads" else (64,) if table == "zero-label" else ():
        for softmax in SOFTMAXES:
            for head in KINDS:
                settings = {"embedding_size": size, "softmax": softmax, "head": head}
                if table == "zero-label":
                    seen = set(range(features.run.header.tree.classes)) - set(features.run.held_out)
                    settings["held_out"] = sorted(seen)
                yield (str(size), softmax, head), settings


def markdown(keys: Sequence[str], scores: Sequence[str], rows: dict[tuple[str, ...], list[dict[str, float]]]) -> str:
    """Means over seeds and standard deviations, in percent."""
    lines = ["| " + " | ".join([*keys, *scores]) + " |", "| --- " * (len(keys) + len(scores)) + "|"]
    for key, runs in rows.items():
        row = [*key]
        for name in scores:
            values = [100 * run[name] for run in runs]
            row.append(f"{fmean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else ""))
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["heads", "radius", "prototypes", "zero-label"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--trunk", type=Path, default=ROOT / "weights" / "streets.safetensors")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    settings = read_settings(ROOT / "benchmarks" / "heads.toml") | {"init": str(given.trunk)}
    settings["backbone"] = read_header(given.trunk).model.backbone
    if given.table == "radius":
        settings["radius_fold"] = FOLD
    if given.table == "zero-label":
        settings["held_out"] = read_settings(ROOT / "benchmarks" / "zero_label.toml")["held_out"]
    features = compute_features(given.data, settings)
    rows: dict[tuple[str, ...], list[dict[str, float]]] = {}
    keys = KEYS.get(given.table, ("D", "softmax", "head"))
    scores = {"zero-label": UNSEEN_SCORES, "prototypes": PROTOTYPE_SCORES}.get(given.table, SCORES)
    for seed in range(given.seeds):  # seed by seed, so that a table stopped early has every row
        for key, choice in cells(given.table, features):
            started = time.perf_counter()
            rows.setdefault(key, []).append(found := train_cell(features, seed, **choice))
            seconds = time.perf_counter() - started
            say(f"seed {seed}: {', '.join(key)}: mIoU {100 * found['mean_iou']:.1f} %, {seconds:.0f} s")
        say(f"after {seed + 1} seeds:\n{markdown(keys, scores, rows)}")
    print(markdown(keys, scores, rows))  # noqa: T201


if __name__ == "__main__":
    main()
