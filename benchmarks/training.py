"""How fast a training step is with a hyperbolic head, against the same network with a Euclidean one.

    python benchmarks/training.py [--dimensions 64] [--classes 11] [--device cpu] [--precision fp32] [--rounds 9]

Both take turns in one process, a step each: forward pass, both losses, backward pass, optimiser. Medians over rounds,
printed as JSON; `speed` is images a second of the hyperbolic network over those of the Euclidean one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_model
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.loss import SegmentationLoss
from hypsegcli.training.optimizer import build_optimizer

VOID = 255
HEADS = ("euclidean", "hyperbolic")


def build_step(head: str, config: TrainConfig, classes: int, device: torch.device) -> Callable[[], None]:
    """One step on a batch of noise."""
    torch.manual_seed(0)
    tree = flat_tree([str(index) for index in range(classes)])
    fields = config.architecture() | {"head": head, "softmax": "flat", "nodes": classes}
    model = build_model(ModelConfig.model_validate(fields)).to(device).to(memory_format=torch.channels_last).train()
    loss = SegmentationLoss(tree, torch.ones(classes), ignore_index=VOID, radius_weight=config.radius_weight).to(device)
    optimizer = build_optimizer(nn.ModuleList([model, loss]), config)
    shape = (config.batch_size, 3, config.crop_height, config.crop_width)
    image = torch.randn(shape, device=device).to(memory_format=torch.channels_last)
    target = torch.randint(0, classes, (shape[0], *shape[2:]), device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            output = model(image)
        optimizer.zero_grad(set_to_none=True)
        loss(output, target).total.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--classes", type=int, default=11)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    config = TrainConfig(embedding_size=given.dimensions, precision=given.precision)
    steps = {head: build_step(head, config, given.classes, torch.device(given.device)) for head in HEADS}
    times: dict[str, list[float]] = {head: [] for head in HEADS}
    for number in range(given.rounds + 1):
        for head in HEADS:
            started = time.perf_counter()
            steps[head]()
            if number:  # the first one warms up
                times[head].append(time.perf_counter() - started)
    seconds = {head: statistics.median(values) for head, values in times.items()}
    result = {
        "dimensions": given.dimensions,
        "classes": given.classes,
        "device": given.device,
        "precision": given.precision,
        "threads": torch.get_num_threads(),
        "images_per_second": {head: round(config.batch_size / value, 2) for head, value in seconds.items()},
        "speed": round(seconds["euclidean"] / seconds["hyperbolic"], 3),
    }
    print(json.dumps(result, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
