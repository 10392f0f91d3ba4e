"""DeepLabV3+ of segmentation_models_pytorch (0.6), on a ResNet, up to its last 1x1 convolution.

Unlike ours, ASPP's answer goes through a separable convolution before it is brought to stride 4, the decoder has one
and not two, and all is upsampled with aligned corners.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.backbones.features import torchvision_model
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported.trunk import Trunk

_CHANNELS, _LOW = 256, 48


class SmpDeepLab(Trunk):
    """`DeepLabV3Plus` with the encoders that are torchvision's ResNets; features at stride 4."""

    channels = _CHANNELS

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.encoder = torchvision_model(config.backbone, None)
        deep = self.encoder.fc.in_features
        del self.encoder.fc, self.encoder.avgpool
        stages = ((self.encoder.layer3, 16), (self.encoder.layer4, 32))
        for stage, stride in stages:
            if stride > config.output_stride:
                _dilate(stage, stride // config.output_stride)
        separable = config.convolutions == "separable"
        self.decoder = _Decoder(deep, config.rates, separable=separable)

    def forward(self, image: Tensor) -> Tensor:
        """As in `Trunk`."""
        net = self.encoder
        low = net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(image)))))
        features: Tensor = self.decoder(low, net.layer4(net.layer3(net.layer2(low))))
        return features


class _Decoder(nn.Module):
    def __init__(self, deep: int, rates: tuple[int, ...], *, separable: bool) -> None:
        super().__init__()
        after = (_separable(_CHANNELS, _CHANNELS), nn.BatchNorm2d(_CHANNELS), nn.ReLU())
        self.aspp = nn.Sequential(_Aspp(deep, rates, separable=separable), *after)
        self.block1 = nn.Sequential(*_conv(deep // 8, _LOW, 1))
        self.block2 = nn.Sequential(_separable(_LOW + _CHANNELS, _CHANNELS), nn.BatchNorm2d(_CHANNELS), nn.ReLU())

    def forward(self, low: Tensor, deep: Tensor) -> Tensor:
        high = F.interpolate(self.aspp(deep), size=low.shape[2:], mode="bilinear", align_corners=True)
        refined: Tensor = self.block2(torch.cat([high, self.block1(low)], 1))
        return refined


class _Aspp(nn.Module):
    def __init__(self, cin: int, rates: tuple[int, ...], *, separable: bool) -> None:
        super().__init__()
        branches = [nn.Sequential(*_conv(cin, _CHANNELS, 1))]
        for rate in rates:
            if separable:
                layers = (_separable(cin, _CHANNELS, rate), nn.BatchNorm2d(_CHANNELS), nn.ReLU())
                branches.append(nn.Sequential(*layers))
            else:
                branches.append(nn.Sequential(*_conv(cin, _CHANNELS, 3, rate)))
        branches.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), *_conv(cin, _CHANNELS, 1)))
        self.convs = nn.ModuleList(branches)
        self.project = nn.Sequential(*_conv(len(branches) * _CHANNELS, _CHANNELS, 1))

    def forward(self, x: Tensor) -> Tensor:
        found = [branch(x) for branch in self.convs]
        found[-1] = found[-1].expand_as(found[0])
        joined: Tensor = self.project(torch.cat(found, 1))
        return joined


def _conv(cin: int, cout: int, kernel: int, dilation: int = 1) -> tuple[nn.Module, ...]:
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(cin, cout, kernel, padding=padding, dilation=dilation, bias=False)
    return conv, nn.BatchNorm2d(cout), nn.ReLU()


def _separable(cin: int, cout: int, dilation: int = 1) -> nn.Sequential:
    depthwise = nn.Conv2d(cin, cin, 3, padding=dilation, dilation=dilation, groups=cin, bias=False)
    return nn.Sequential(depthwise, nn.Conv2d(cin, cout, 1, bias=False))


def _dilate(stage: nn.Module, dilation: int) -> None:
    """All of a stage, its first block too, which `stride_to_dilation` leaves at the dilation of the stage before."""
    for layer in stage.modules():
        if isinstance(layer, nn.Conv2d):
            layer.stride = (1, 1)
            layer.dilation = (dilation, dilation)
            layer.padding = (layer.kernel_size[0] // 2 * dilation,) * 2
