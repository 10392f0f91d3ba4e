"""TOPICS' DeepLabV3 on a ResNet-101 at output stride 16, up to the 1x1 convolution that makes its embedding.

"Taxonomy-Aware Continual Semantic Segmentation in Hyperbolic Spaces", RA-L 2025. It has no decoder. Its batch norms are
InPlaceABN's, which take the size of a weight and add an epsilon; a converter writes them so. What is behind most of
them is a leaky ReLU. In place of the image's mean ASPP takes those of windows of 32 cells, as far as an image has them.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported.trunk import Trunk

_CHANNELS = 256
_UNITS = (3, 4, 23, 3)
_SLOPE = 0.01
_WINDOW = 32  # cells of the grid


class TopicsDeepLab(Trunk):
    """`DeeplabV3` behind its `ResNet`; features at stride 16, after a leaky ReLU."""

    channels = _CHANNELS

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.body = _body(config.output_stride)
        self.head = _Head(32 * 64, config.rates)

    def forward(self, image: Tensor) -> Tensor:
        """As in `Trunk`."""
        features: Tensor = self.head(self.body(image))
        return features


def _body(output_stride: int) -> nn.Sequential:
    layers = (("conv1", nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)), ("bn1", nn.BatchNorm2d(64)))
    first = nn.Sequential(OrderedDict([*layers, ("act1", _leaky()), ("pool1", nn.MaxPool2d(3, stride=2, padding=1))]))
    body, cin, stride = nn.Sequential(OrderedDict(mod1=first)), 64, 4
    dilation = 1
    for number, units in enumerate(_UNITS):
        width = 64 * 2**number
        strided = number > 0 and stride < output_stride
        # A stride that the output stride forbids widens the kernels of the whole stage instead.
        dilation *= 2 if number > 0 and not strided else 1
        stride *= 2 if strided else 1
        stage = nn.Sequential()
        for unit in range(units):
            stage.add_module(f"block{unit + 1}", _Unit(cin, width, 2 if strided and unit == 0 else 1, dilation))
            cin = 4 * width
        body.add_module(f"mod{number + 2}", stage)
    return body


class _Unit(nn.Module):
    def __init__(self, cin: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        cout = 4 * width
        wide = nn.Conv2d(width, width, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
        layers: list[tuple[str, nn.Module]] = [
            ("conv1", nn.Conv2d(cin, width, 1, bias=False)),
            ("bn1", nn.BatchNorm2d(width)),
            ("act1", _leaky()),
            ("conv2", wide),
            ("bn2", nn.BatchNorm2d(width)),
            ("act2", _leaky()),
            ("conv3", nn.Conv2d(width, cout, 1, bias=False)),
            ("bn3", nn.BatchNorm2d(cout)),
        ]
        self.convs = nn.Sequential(OrderedDict(layers))
        self.projects = stride != 1 or cin != cout
        if self.projects:
            self.proj_conv = nn.Conv2d(cin, cout, 1, stride=stride, bias=False)
            self.proj_bn = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        beside = self.proj_bn(self.proj_conv(x)) if self.projects else x
        return F.leaky_relu(self.convs(x) + beside, _SLOPE)


class _Head(nn.Module):
    def __init__(self, deep: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        branches = [nn.Conv2d(deep, _CHANNELS, 1, bias=False)]
        branches += [nn.Conv2d(deep, _CHANNELS, 3, padding=rate, dilation=rate, bias=False) for rate in rates]
        self.map_convs = nn.ModuleList(branches)
        self.map_bn = nn.BatchNorm2d(len(branches) * _CHANNELS)
        self.red_conv = nn.Conv2d(len(branches) * _CHANNELS, _CHANNELS, 1, bias=False)
        self.global_pooling_conv = nn.Conv2d(deep, _CHANNELS, 1, bias=False)
        self.global_pooling_bn = nn.BatchNorm2d(_CHANNELS)
        self.pool_red_conv = nn.Conv2d(_CHANNELS, _CHANNELS, 1, bias=False)
        self.red_bn = nn.BatchNorm2d(_CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        joined = F.leaky_relu(self.map_bn(torch.cat([branch(x) for branch in self.map_convs], 1)), _SLOPE)
        pooled = F.leaky_relu(self.global_pooling_bn(self.global_pooling_conv(window_means(x))), _SLOPE)
        return F.leaky_relu(self.red_bn(self.red_conv(joined) + self.pool_red_conv(pooled)), _SLOPE)


def window_means(x: Tensor) -> Tensor:
    """The means of windows of 32 x 32 cells, or of as many as there are: (B, C, h, w), at the edges those next to them.

    A window that is even in size reaches one cell further behind than before.
    """
    height, width = min(_WINDOW, x.shape[2]), min(_WINDOW, x.shape[3])
    means = F.avg_pool2d(x, (height, width), stride=1)
    return F.pad(means, ((width - 1) // 2, width // 2, (height - 1) // 2, height // 2), mode="replicate")


def _leaky() -> nn.Module:
    return nn.LeakyReLU(_SLOPE)
