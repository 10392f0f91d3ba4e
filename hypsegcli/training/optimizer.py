"""AdamW, and the learning rate over time."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from hypsegcli.training.config import TrainConfig


def build_optimizer(model: nn.Module, loss: nn.Module, config: TrainConfig) -> AdamW:
    """AdamW over the network and the loss's scalars; batch norm, biases and scalars are not decayed."""
    parameters = [*model.parameters(), *loss.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=config.learning_rate)


def build_schedule(optimizer: AdamW, config: TrainConfig, *, steps: int) -> LambdaLR:
    """Linear warm-up, then polynomial decay to 0 at `steps`."""
    warmup = min(config.warmup_steps, steps // 10)

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / (warmup + 1))
        fall: float = max(0.0, 1.0 - step / steps) ** config.poly_power
        return rise * fall

    return LambdaLR(optimizer, factor)
