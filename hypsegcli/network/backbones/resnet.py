"""ResNet-18, 50 and 101 from torchvision (He et al., 2016), classifier cut off; `_c4` leaves out the last stage too.

The last stage holds three quarters of a ResNet's weights and, dilated, half of its work; what is left is small and
fast, and knows less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from hypsegcli.network.backbones.features import Features, stride_to_dilation, torchvision_model


def resnet_features(name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None) -> Features:
    """The ResNet called `name`, with random weights or torchvision's own; stride 4 is the output of layer1."""
    net = torchvision_model(name, weights)
    parts = ("layer2", "layer3") if name.endswith("_c4") else ("layer2", "layer3", "layer4")
    dilate(net, output_stride)
    low = nn.Sequential()
    for part in ("conv1", "bn1", "relu", "maxpool", "layer1"):
        low.add_module(part, getattr(net, part))
    high = nn.Sequential()
    for part in parts:
        high.add_module(part, getattr(net, part))
    channels = net.fc.in_features  # each stage has twice those of the one before
    return Features(low, high, low_channels=channels // 8, high_channels=channels // 2 ** (3 - len(parts)))


def dilate(net: Any, output_stride: int) -> None:
    """Take the strides out of the last stages of a whole ResNet of torchvision's, as far as the output stride says."""
    if output_stride == 8:
        stride_to_dilation(net.layer3, entering=1, dilation=2)
        stride_to_dilation(net.layer4, entering=2, dilation=4)
    else:
        stride_to_dilation(net.layer4, entering=1, dilation=2)
