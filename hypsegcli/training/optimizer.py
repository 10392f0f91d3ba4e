"""The optimiser, and the learning rate over time."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from hypsegcli.training.config import TrainConfig


def build_optimizer(modules: nn.Module, config: TrainConfig) -> Optimizer:
    """AdamW or SGD over all that learns; batch norm, biases and scalars are not decayed."""
    parameters = [parameter for parameter in modules.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return AdamW(groups, lr=config.learning_rate)


def build_schedule(optimizer: Optimizer, config: TrainConfig, *, steps: int) -> LambdaLR:
    """Linear warm-up, then what the configuration says; poly and cosine reach 0 at `steps`."""
    warmup = min(config.warmup_steps, steps // 10)

    def factor(step: int) -> float:
        rise, done = min(1.0, (step + 1) / (warmup + 1)), min(1.0, step / steps)
        if config.schedule == "constant":
            return rise
        if config.schedule == "cosine":
            return rise * (1.0 + math.cos(math.pi * done)) / 2.0
        fall: float = (1.0 - done) ** config.poly_power
        return rise * fall

    return LambdaLR(optimizer, factor)
