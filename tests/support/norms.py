"""Networks whose batch norms do something."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def lively(module: AnyModule, seed: int = 0) -> AnyModule:
    """Evaluation mode, with batch norms whose statistics are those of some training and not 0 and 1."""
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.uniform_(part.weight, 0.8, 1.2)
            nn.init.uniform_(part.running_var, 0.8, 1.2)
            nn.init.normal_(part.bias, std=0.1)
            nn.init.normal_(part.running_mean, std=0.1)
    return module.eval()
