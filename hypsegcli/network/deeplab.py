"""Atrous spatial pyramid pooling and the DeepLabV3+ decoder (Chen et al., ECCV 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.config import ModelConfig

ASPP_RATES = (6, 12, 18)  # at output stride 16; doubled at 8, so that they reach equally far in the image
ASPP_CHANNELS = 256
LOW_LEVEL_CHANNELS = 48
EMBEDDING_CHANNELS = 128  # between the two layers of an embedding that has two


def conv_bn_relu(cin: int, cout: int, kernel: int, *, dilation: int = 1, separable: bool = False) -> nn.Sequential:
    """Convolution, batch norm, ReLU; separable puts a depthwise convolution before a pointwise one."""
    padding = dilation * (kernel // 2)
    if not separable or kernel == 1:
        conv = nn.Conv2d(cin, cout, kernel, padding=padding, dilation=dilation, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(cout), nn.ReLU(inplace=True))
    return nn.Sequential(
        nn.Conv2d(cin, cin, kernel, padding=padding, dilation=dilation, groups=cin, bias=False),
        nn.BatchNorm2d(cin),
        nn.Conv2d(cin, cout, 1, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    )


class ASPP(nn.Module):
    """A 1x1 branch, three dilated 3x3 branches and the image's mean, joined by a 1x1 convolution."""

    def __init__(self, cin: int, *, output_stride: int, separable: bool) -> None:
        super().__init__()
        rates = [rate * 16 // output_stride for rate in ASPP_RATES]
        self.point = conv_bn_relu(cin, ASPP_CHANNELS, 1)
        self.dilated = nn.ModuleList(
            conv_bn_relu(cin, ASPP_CHANNELS, 3, dilation=rate, separable=separable) for rate in rates
        )
        # No batch norm after pooling: it would see one value a channel, which a batch of one cannot normalise.
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(cin, ASPP_CHANNELS, 1), nn.ReLU(inplace=True))
        self.join = conv_bn_relu(ASPP_CHANNELS * (len(rates) + 2), ASPP_CHANNELS, 1)

    def forward(self, x: Tensor, mean: Tensor | None = None) -> Tensor:
        """(B, cin, h, w) to (B, 256, h, w); `mean` (cin,) stands for the mean of x where x is a part of an image."""
        pooled = self.pool(x if mean is None else mean.to(x.dtype)[None, :, None, None])
        pooled = pooled.expand(x.shape[0], -1, x.shape[2], x.shape[3])
        joined: Tensor = self.join(torch.cat([self.point(x), *(b(x) for b in self.dilated), pooled], dim=1))
        return joined


class Decoder(nn.Module):
    """ASPP features brought to stride 4, joined with low-level features, reduced to the embedding.

    The embedding says two things, what a pixel is and, by its length, how sure that is. One convolution has to say both
    with the same weights; a second one before it, with ReLU between, lets the length follow its own features.
    """

    def __init__(self, low_channels: int, *, embedding: nn.Module, separable: bool) -> None:
        super().__init__()
        self.low_level = conv_bn_relu(low_channels, LOW_LEVEL_CHANNELS, 1)
        self.refine = nn.Sequential(
            conv_bn_relu(ASPP_CHANNELS + LOW_LEVEL_CHANNELS, 256, 3, separable=separable),
            conv_bn_relu(256, 256, 3, separable=separable),
        )
        self.embed = embedding

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """(B, D, H/4, W/4) Euclidean embedding: tangent vectors at the ball's origin."""
        high = F.interpolate(high, size=low.shape[2:], mode="bilinear", align_corners=False)
        embedding: Tensor = self.embed(self.refine(torch.cat([high, self.low_level(low)], dim=1)))
        return embedding


def make_embedding(config: ModelConfig, *, channels: int = 256) -> nn.Module:
    """What takes the decoder's features (B, channels, h, w) to the embedding (B, D, h, w), in one layer or two."""
    if config.embedding_layers == 1:
        return nn.Conv2d(channels, config.embedding_size, 1)
    return nn.Sequential(
        nn.Conv2d(channels, EMBEDDING_CHANNELS, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(EMBEDDING_CHANNELS, config.embedding_size, 1),
    )
