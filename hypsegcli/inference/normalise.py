"""From RGB bytes to what the network was trained on."""

from __future__ import annotations

import torch
from torch import Tensor

from hypsegcli.checkpoint.format import InputSpec


def affine(spec: InputSpec) -> tuple[Tensor, Tensor]:
    """Gain and offset (3,) float32 of each channel: `normalised = gain * byte + offset`."""
    std = torch.tensor(spec.std, dtype=torch.float64)
    gain = spec.pixel_range / 255.0 / std
    return gain.float(), (-torch.tensor(spec.mean, dtype=torch.float64) / std).float()


def normalise(images: Tensor, spec: InputSpec) -> Tensor:
    """(B, 3, H, W) uint8 RGB to the network's float32 input, in channels-last memory."""
    gain, offset = (vector.to(images.device)[:, None, None] for vector in affine(spec))
    scaled = images.to(torch.float32, memory_format=torch.channels_last)
    return torch.addcmul(offset, scaled, gain)
