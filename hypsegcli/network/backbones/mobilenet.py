"""MobileNetV3-Large from torchvision (Howard et al., 2019), classifier cut off."""

from __future__ import annotations

from torch import nn
from torchvision import models

from hypsegcli.network.backbones.features import Features, stride_to_dilation

# Blocks of torchvision's `features`: 0-3 reach stride 4 with 24 channels, 4-6 stride 8, 7-12 stride 16,
# 13-16 stride 32 with 960 channels.
_STRIDE_8, _STRIDE_16, _STRIDE_32 = 4, 7, 13


def mobilenet_features(name: str, output_stride: int) -> Features:
    """MobileNetV3-Large with random weights."""
    blocks = list(models.get_model(name, weights=None).features)
    stride_16, stride_32 = nn.Sequential(*blocks[_STRIDE_16:_STRIDE_32]), nn.Sequential(*blocks[_STRIDE_32:])
    if output_stride == 8:
        stride_to_dilation(stride_16, entering=1, dilation=2)
        stride_to_dilation(stride_32, entering=2, dilation=4)
    else:
        stride_to_dilation(stride_32, entering=1, dilation=2)
    low = nn.Sequential(*blocks[:_STRIDE_8])
    high = nn.Sequential(*blocks[_STRIDE_8:_STRIDE_16], stride_16, stride_32)
    return Features(low, high, low_channels=24, high_channels=960)
