"""From RGB bytes to what the network was trained on."""

from __future__ import annotations

import torch
from torch import Tensor

from hypsegcli.checkpoint.format import InputSpec


def normalise(images: Tensor, spec: InputSpec) -> Tensor:
    """(B, 3, H, W) uint8 RGB to the network's float32 input, in channels-last memory."""
    mean = torch.tensor(spec.mean, device=images.device)[:, None, None]
    std = torch.tensor(spec.std, device=images.device)[:, None, None]
    scaled = images.to(torch.float32, memory_format=torch.channels_last) * (spec.pixel_range / 255.0)
    return (scaled - mean) / std
