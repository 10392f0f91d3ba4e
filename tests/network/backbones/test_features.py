"""Strides traded for dilation."""

import torch
from torch import nn

from hypsegcli.network.backbones.features import stride_to_dilation


def test_only_strides_of_two_are_taken_out_and_kernels_keep_their_centre() -> None:
    stage = nn.Sequential(
        nn.Conv2d(1, 1, 1, stride=2),
        nn.Conv2d(1, 1, 3, stride=2, padding=1),
        nn.Conv2d(1, 1, 5, padding=2),
        nn.Conv2d(1, 1, 1),
    )
    stride_to_dilation(stage, entering=2, dilation=4)
    assert all(layer.stride == (1, 1) for layer in stage)
    assert [layer.dilation for layer in stage] == [(1, 1), (2, 2), (4, 4), (1, 1)]
    assert stage(torch.zeros(1, 1, 7, 9)).shape == (1, 1, 7, 9)
