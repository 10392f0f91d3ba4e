"""The reference implementation's DeepLabV3+ up to its embedding, as its TensorFlow 1 checkpoints need it.

Its backbone is TF-slim's ResNet-v2 (He et al., "Identity Mappings in Deep Residual Networks", 2016): batch norm and
ReLU come before the convolutions, and the last unit of a stage has the stride, not the first. ASPP takes the last
stage's sum as it is, before any norm; the decoder takes the third convolution of the second unit. Padding is that of
TensorFlow, and so is the way of resizing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported.trunk import Trunk

_UNITS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
_CHANNELS, _LOW = 256, 48


class ReferenceDeepLab(Trunk):
    """Features at stride 4: the embedding itself, or with `embedding_layers` what its last convolution takes."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.channels = config.embedding_size if config.embedding_layers == 0 else _CHANNELS
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.stages = nn.ModuleList()
        cin, stride, dilation = 64, 4, 1
        for number, units in enumerate(_UNITS[config.backbone]):
            width = 64 * 2**number
            wanted = 2 if number < 3 else 1
            # A stride that the output stride forbids widens the kernels of the stages behind it instead.
            last = wanted if stride * wanted <= config.output_stride else 1
            stage = [
                _Unit(cin if unit == 0 else 4 * width, width, last if unit == units - 1 else 1, dilation)
                for unit in range(units)
            ]
            self.stages.append(nn.ModuleList(stage))
            cin, stride, dilation = 4 * width, stride * last, dilation * wanted // last
        rates = [rate * 16 // config.output_stride for rate in config.rates]
        self.aspp = _Aspp(cin, rates)
        self.low_level = _conv(_CHANNELS, _LOW, 1)
        self.refine = _conv(_CHANNELS + _LOW, _CHANNELS, 3)
        self.last = nn.Conv2d(_CHANNELS, self.channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """As in `Trunk`."""
        x = _max_pool(self.conv1(image))
        low = x
        for number, stage in enumerate(self.stages):
            for index, unit in enumerate(stage.children()):
                x, branch = unit(x)
                if (number, index) == (0, 1):
                    low = branch
        high = resize(self.aspp(x), low.shape[2], low.shape[3])
        features: Tensor = self.last(self.refine(torch.cat([high, self.low_level(low)], 1)))
        return features


class _Unit(nn.Module):
    def __init__(self, cin: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.stride = stride
        self.preact = nn.BatchNorm2d(cin)
        self.shortcut = nn.Conv2d(cin, 4 * width, 1, stride=stride) if cin != 4 * width else None
        self.conv1 = _conv(cin, width, 1)
        self.conv2 = _conv(width, width, 3, stride=stride, dilation=dilation)
        self.conv3 = nn.Conv2d(width, 4 * width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The sum, and the branch that was added."""
        active = F.relu(self.preact(x))
        beside = x[..., :: self.stride, :: self.stride] if self.shortcut is None else self.shortcut(active)
        branch = self.conv3(self.conv2(self.conv1(active)))
        return beside + branch, branch


class _Aspp(nn.Module):
    def __init__(self, cin: int, rates: list[int]) -> None:
        super().__init__()
        self.point = _conv(cin, _CHANNELS, 1)
        self.dilated = nn.ModuleList(_conv(cin, _CHANNELS, 3, dilation=rate) for rate in rates)
        self.pool = _conv(cin, _CHANNELS, 1)
        self.join = _conv(_CHANNELS * (len(rates) + 2), _CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(x.mean((2, 3), keepdim=True)).expand(-1, -1, x.shape[2], x.shape[3])
        joined: Tensor = self.join(torch.cat([self.point(x), *(branch(x) for branch in self.dilated), pooled], 1))
        return joined


def _conv(cin: int, cout: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(cin, cout, kernel, stride=stride, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(cout), nn.ReLU())


def _max_pool(x: Tensor) -> Tensor:
    """3x3, stride 2, padded as TensorFlow pads: what is odd of it goes behind, so that of even sides all does."""
    rows, columns = (max(0, (-(-side // 2) - 1) * 2 + 3 - side) for side in x.shape[2:])
    padded = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2), value=-torch.inf)
    return F.max_pool2d(padded, 3, stride=2)


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """Bilinear, as TensorFlow 1 resizes: the first of the points lie on each other, `in = out * size / new size`."""
    for dim, new in ((2, height), (3, width)):
        size = x.shape[dim]
        at = torch.arange(new, device=x.device, dtype=torch.float32) * (size / new)
        before = at.floor().long().clamp_max(size - 1)
        weight = (at - before).to(x.dtype).view(-1, *[1] * (3 - dim))
        x = torch.lerp(x.index_select(dim, before), x.index_select(dim, (before + 1).clamp_max(size - 1)), weight)
    return x
