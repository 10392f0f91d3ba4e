"""Parts of a made-up evaluation, as its shards have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hypsegcli.files.shard import Shard
from hypsegcli.metrics.records import CheckpointId
from hypsegcli.report.asked import Asked
from hypsegcli.report.assemble import MeasureName
from hypsegcli.report.bounds import Bound
from hypsegcli.report.files import write_part
from hypsegcli.report.part import Part
from hypsegcli.report.plan import Plan, keys_sha256
from hypsegcli.scores.evaluation import Evaluation
from hypsegcli.scores.tally import Sample
from support.samples import ANSWERS, SCHEME, TREE, random_sample

REPLICATES = 20

ASKED = Asked(
    images="photos",
    masks="masks",
    predictions=None,
    checkpoint=CheckpointId(path="model.safetensors", sha256="5b" * 32),
    ignore_index=255,
    unseen=None,
    options={"engine": "torch 2", "device": "cuda:0 (NVIDIA H200), fp32", "map": "a/map.txt", "tile": "auto"},
    tree=TREE,
    colors=((1, 2, 3), (40, 50, 60), (70, 80, 90), (200, 100, 0)),
    probabilities=True,
    inverted=(),
    measures={"distance": MeasureName("the distance", 7.5), "entropy": MeasureName("the entropy", 1.0)},
    answer_measures={"distance": MeasureName("the distance", 7.5)},
    main="distance",
    tolerance=SCHEME.tolerance,
    background=1,
    rules=ANSWERS.rules,
    maps_of_nodes=None,
    id_map=None,
    prediction_map=None,
    convention="cityscapes",
    over="present",
    replicates=REPLICATES,
    dropout=(2, 0.2),
    match=None,
    bounds=(Bound("miou", "under", 0.1),),
    known=("it was trained on", "it was calibrated on"),
)


def samples(count: int) -> list[Sample]:
    """Some of them, with keys in another order than that of the alphabet; each third is a copy of the one before."""
    seeds = [index - (index % 3 == 2) for index in range(count)]
    return [
        random_sample(seed, size=(24, 40), key=f"{9 - index % 10}/b\udcff{index}") for index, seed in enumerate(seeds)
    ]


def part_of(scored: Sequence[Sample], asked: Asked = ASKED) -> Part:
    """What one process has that scored them."""
    palette = np.asarray(asked.colors, np.uint8)
    part = Part.of(asked, Evaluation(asked.scheme, replicates=asked.replicates, palette=palette))
    for sample in scored:
        photograph = np.full((*sample.truth.shape, 3), 90, np.uint8)
        part.rows.append(part.evaluation.add(sample, photograph, f"{len(sample.key):08x}{int(sample.truth.sum()):08x}"))
        part.witness.add(3, sample.truth, np.minimum(sample.labels, TREE.classes))
        part.agreement.add(100, 7)
        part.known += [1, len(sample.key) % 2]
    part.doubts, part.changed = ["something is odd about the masks"], ["a run wrote"] if scored else []
    part.evaluation.seconds["network"] = float(len(scored))
    return part


def plan_of_samples(scored: Sequence[Sample]) -> Plan:
    """The plan of all images."""
    keys = keys_sha256(sample.key for sample in scored)
    return Plan(
        images=len(scored), keys_sha256=keys, sizes_sha256="0" * 64, samples_sha256="5" * 64, origins_sha256="1" * 64
    )


def leave(folder: Path, scored: Sequence[Sample], shard: Shard, *, asked: Asked = ASKED, **changes: Any) -> Path:
    """The file of one shard of all images that are scored; `changes` are to the plan, or `replace`."""
    replace = bool(changes.pop("replace", False))
    plan = plan_of_samples(scored).model_copy(update=changes)
    folder.mkdir(exist_ok=True)
    return write_part(folder, part_of(shard.take(scored), asked), shard, plan, replace=replace)
