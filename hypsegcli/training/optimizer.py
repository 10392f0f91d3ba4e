"""The optimiser, and the learning rate over time."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from hypsegcli.training.config import TrainConfig


def build_optimizer(modules: nn.Module, config: TrainConfig) -> Optimizer:
    """AdamW or SGD over all that learns; batch norm, biases and scalars are not decayed.

    What lies in a part called `backbone`, or `trunk`, learns at its own rate; its groups come last.
    """
    backbone, others = list[nn.Parameter](), list[nn.Parameter]()
    for name, parameter in modules.named_parameters():
        if parameter.requires_grad:
            (backbone if {"backbone", "trunk"} & set(name.split(".")) else others).append(parameter)
    groups = []
    for parameters, share in ((others, 1.0), (backbone, config.backbone_rate)):
        for decays, decay in ((True, config.weight_decay), (False, 0.0)):
            those = [parameter for parameter in parameters if (parameter.ndim > 1) == decays]
            groups.append({"params": those, "weight_decay": decay, "lr": share * config.learning_rate})
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "sgd":
        return SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return AdamW(groups, lr=config.learning_rate)


def warmup_of(config: TrainConfig, steps: int) -> int:
    """Over how many of all steps the learning rate rises."""
    return min(config.warmup_steps, steps // 10)


def build_schedule(optimizer: Optimizer, config: TrainConfig, *, steps: int) -> LambdaLR:
    """Linear warm-up, then what the configuration says; poly and cosine reach 0 at `steps`."""
    warmup = warmup_of(config, steps)

    def factor(step: int) -> float:
        rise, done = min(1.0, (step + 1) / (warmup + 1)), min(1.0, step / steps)
        if config.schedule == "constant":
            return rise
        if config.schedule == "cosine":
            return rise * (1.0 + math.cos(math.pi * done)) / 2.0
        fall: float = (1.0 - done) ** config.poly_power
        return rise * fall

    return LambdaLR(optimizer, factor)
