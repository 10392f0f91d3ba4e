"""MMSegmentation's DeepLabV3+ on its ResNets of 50 or 101 layers, up to the classifier; hierahyp's is the same one.

The ResNets are those of He et al., "Bag of Tricks for Image Classification with Convolutional Neural Networks", 2019:
v1c begins with three convolutions of 3x3 instead of one of 7x7, v1d moreover pools where a shortcut has a stride; v1b
is torchvision's. Unlike ours, the network is 512 wide, puts a ReLU between the halves of a separable convolution too,
and joins the branches of ASPP by a convolution of 3x3.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.backbones.features import torchvision_model
from hypsegcli.network.backbones.resnet import dilate
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported.trunk import Trunk

_CHANNELS, _LOW = 512, 48


class MmsegDeepLab(Trunk):
    """`DepthwiseSeparableASPPHead` without its `conv_seg`; features at stride 4, after a ReLU."""

    channels = _CHANNELS

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        name, variant = config.backbone.split("_")
        net = torchvision_model(name, None)
        deep = net.fc.in_features
        del net.fc, net.avgpool
        dilate(net, config.output_stride)
        if variant != "v1b":
            del net.conv1, net.bn1, net.relu
            net.stem = _stem()
        if variant == "v1d":
            _pool_before_shortcuts(net)
        self.backbone = net
        self.decode_head = _Head(deep, config.rates)

    def forward(self, image: Tensor) -> Tensor:
        """As in `Trunk`."""
        net = self.backbone
        begun = net.stem(image) if hasattr(net, "stem") else net.relu(net.bn1(net.conv1(image)))
        low = net.layer1(net.maxpool(begun))
        features: Tensor = self.decode_head(low, net.layer4(net.layer3(net.layer2(low))))
        return features


class _Head(nn.Module):
    def __init__(self, deep: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        self.image_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), _Conv(deep, _CHANNELS, 1))
        branches = [_Conv(deep, _CHANNELS, 1), *(_Separable(deep, _CHANNELS, rate) for rate in rates)]
        self.aspp_modules = nn.ModuleList(branches)
        self.bottleneck = _Conv((len(branches) + 1) * _CHANNELS, _CHANNELS, 3)
        self.c1_bottleneck = _Conv(deep // 8, _LOW, 1)
        self.sep_bottleneck = nn.Sequential(_Separable(_CHANNELS + _LOW, _CHANNELS), _Separable(_CHANNELS, _CHANNELS))

    def forward(self, low: Tensor, deep: Tensor) -> Tensor:
        pooled = self.image_pool(deep).expand(-1, -1, deep.shape[2], deep.shape[3])
        joined = self.bottleneck(torch.cat([pooled, *(branch(deep) for branch in self.aspp_modules)], 1))
        high = F.interpolate(joined, size=low.shape[2:], mode="bilinear", align_corners=False)
        refined: Tensor = self.sep_bottleneck(torch.cat([high, self.c1_bottleneck(low)], 1))
        return refined


class _Conv(nn.Module):
    def __init__(self, cin: int, cout: int, kernel: int, dilation: int = 1, *, groups: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(cin, cout, kernel, padding=padding, dilation=dilation, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Separable(nn.Module):
    def __init__(self, cin: int, cout: int, dilation: int = 1) -> None:
        super().__init__()
        self.depthwise_conv = _Conv(cin, cin, 3, dilation, groups=cin)
        self.pointwise_conv = _Conv(cin, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.pointwise_conv(self.depthwise_conv(x))
        return found


def _stem() -> nn.Sequential:
    layers: list[nn.Module] = []
    for cin, cout, stride in ((3, 32, 2), (32, 32, 1), (32, 64, 1)):
        layers += [nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU()]
    return nn.Sequential(*layers)


def _pool_before_shortcuts(net: Any) -> None:
    """Where a shortcut has a stride, a mean of so many pixels takes its place; one of a single pixel elsewhere."""
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        conv, norm = stage[0].downsample
        stride, conv.stride = conv.stride, (1, 1)
        pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
        stage[0].downsample = nn.Sequential(pool, conv, norm)
