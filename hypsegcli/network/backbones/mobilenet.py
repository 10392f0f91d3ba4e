"""MobileNetV3 Small and Large from torchvision (Howard et al., 2019), classifier cut off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from hypsegcli.network.backbones.features import Features, stride_to_dilation, torchvision_model


class _Cut(NamedTuple):
    """Where torchvision's `features` reach a stride: the first block of it, and the channels before and at the end."""

    stride_8: int
    stride_16: int
    stride_32: int
    low_channels: int
    high_channels: int


_CUTS = {
    "mobilenet_v3_small": _Cut(2, 4, 9, low_channels=16, high_channels=576),
    "mobilenet_v3_large": _Cut(4, 7, 13, low_channels=24, high_channels=960),
}


def mobilenet_features(name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None) -> Features:
    """The MobileNet called `name`, with random weights or torchvision's own."""
    cut, blocks = _CUTS[name], list(torchvision_model(name, weights).features)
    stride_16, stride_32 = (
        nn.Sequential(*blocks[cut.stride_16 : cut.stride_32]),
        nn.Sequential(*blocks[cut.stride_32 :]),
    )
    if output_stride == 8:
        stride_to_dilation(stride_16, entering=1, dilation=2)
        stride_to_dilation(stride_32, entering=2, dilation=4)
    else:
        stride_to_dilation(stride_32, entering=1, dilation=2)
    low = nn.Sequential(*blocks[: cut.stride_8])
    high = nn.Sequential(*blocks[cut.stride_8 : cut.stride_16], stride_16, stride_32)
    return Features(low, high, low_channels=cut.low_channels, high_channels=cut.high_channels)
