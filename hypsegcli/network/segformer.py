"""SegFormer's decoder of multilayer perceptrons (Xie et al., NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.deeplab import make_embedding

CHANNELS = 256  # as in SegFormer-B0 and B1; the larger ones have 768


class MlpDecoder(nn.Module):
    """Every stage linearly to 256 channels and to stride 4, joined by a 1x1 convolution, reduced to the embedding."""

    def __init__(self, channels: Sequence[int], config: ModelConfig) -> None:
        """`channels` are those of the stages, from fine to coarse."""
        super().__init__()
        self.linear = nn.ModuleList(nn.Conv2d(cin, CHANNELS, 1) for cin in channels)
        self.join = nn.Conv2d(CHANNELS * len(channels), CHANNELS, 1, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.relu = nn.ReLU(inplace=True)
        self.embed = make_embedding(config)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (B, channels, h, w) of all stages to the Euclidean embedding (B, D, h, w), on the first one's grid.

        The paper enlarges the maps and convolves them joined. That is the sum of each one's convolution by its part of
        the kernel, and a 1x1 convolution commutes with bilinear interpolation: so each is convolved while it is small,
        which takes little more than a third of the work.
        """
        size, bias = maps[0].shape[2:], self.join.bias  # batch norm's, where that was folded
        kernels = self.join.weight.split(CHANNELS, dim=1)
        finest, *others = (
            F.conv2d(linear(found), kernel, bias if found is maps[0] else None)
            for linear, found, kernel in zip(self.linear, maps, kernels, strict=True)
        )
        for coarser in others:
            finest = finest + F.interpolate(coarser, size=size, mode="bilinear", align_corners=False)
        embedding: Tensor = self.embed(self.relu(self.norm(finest)))
        return embedding
