"""HALO's DeepLabV3+ on a ResNet at output stride 8, up to the 1x1 convolution that makes its embedding.

"Hyperbolic Active Learning for Semantic Segmentation under Domain Shift", ICML 2024. As MMSegmentation's it is 512
wide and joins the branches of ASPP by a convolution of 3x3, but resizes with aligned corners. Its batch norms divide by
the bare deviation; those here add the usual epsilon, which a converter makes up for in their weights.
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


class HaloDeepLab(Trunk):
    """`DepthwiseSeparableASPP_Hyper` up to its `conv_reduce`; features at stride 4, after a ReLU."""

    channels = _CHANNELS

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        net = torchvision_model(config.backbone, None)
        deep = net.fc.in_features
        del net.fc, net.avgpool
        dilate(net, config.output_stride)
        self.feature_extractor = nn.Module()
        self.feature_extractor.backbone = net
        self.classifier = _Classifier(deep, config.rates)

    def forward(self, image: Tensor) -> Tensor:
        """As in `Trunk`."""
        net: Any = self.feature_extractor.backbone
        low = net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(image)))))
        features: Tensor = self.classifier(low, net.layer4(net.layer3(net.layer2(low))))
        return features


class _Classifier(nn.Module):
    def __init__(self, deep: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        branches = (_conv(deep, _CHANNELS, 1), *(_Separable(deep, _CHANNELS, rate) for rate in rates))
        self.parallel_branches = nn.ModuleList(branches)
        self.global_branch = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_conv(deep, _CHANNELS, 1))
        self.bottleneck = _conv((len(branches) + 1) * _CHANNELS, _CHANNELS, 3)
        self.shortcut = _conv(deep // 8, _LOW, 1)
        self.decoder = nn.Sequential(_Separable(_CHANNELS + _LOW, _CHANNELS), _Separable(_CHANNELS, _CHANNELS))

    def forward(self, low: Tensor, deep: Tensor) -> Tensor:
        pooled = self.global_branch(deep).expand(-1, -1, deep.shape[2], deep.shape[3])
        joined = self.bottleneck(torch.cat([*(branch(deep) for branch in self.parallel_branches), pooled], 1))
        high = F.interpolate(joined, size=low.shape[2:], mode="bilinear", align_corners=True)
        refined: Tensor = self.decoder(torch.cat([high, self.shortcut(low)], 1))
        return refined


class _Separable(nn.Module):
    def __init__(self, cin: int, cout: int, dilation: int = 1) -> None:
        super().__init__()
        self.depthwise_conv = nn.Conv2d(cin, cin, 3, padding=dilation, dilation=dilation, groups=cin, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(cin)
        self.pointwise_conv = nn.Conv2d(cin, cout, 1, bias=False)
        self.pointwise_bn = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.depthwise_bn(self.depthwise_conv(x)))
        return F.relu(self.pointwise_bn(self.pointwise_conv(x)))


def _conv(cin: int, cout: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(cin, cout, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(cout), nn.ReLU())
