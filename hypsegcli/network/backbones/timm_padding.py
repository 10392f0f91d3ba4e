"""TensorFlow's padding in timm's networks, made fixed, so that other engines can take it over."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class _FixedSame(nn.Conv2d):
    """TensorFlow's padding, for sides that are multiples of the stride: the same for all of them.

    timm works it out from the sides, with rounding that OpenVINO cannot take over.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(
            conv.in_channels, conv.out_channels, _pair(conv.kernel_size), stride=_pair(conv.stride),
            dilation=_pair(conv.dilation), groups=conv.groups, bias=conv.bias is not None, device="meta",
        )  # fmt: skip
        self.weight, self.bias = conv.weight, conv.bias
        (down, across), (rows, columns), (apart, aside) = conv.kernel_size, self.stride, self.dilation
        height, width = max((down - 1) * apart + 1 - rows, 0), max((across - 1) * aside + 1 - columns, 0)
        self._margins = (width // 2, width - width // 2, height // 2, height - height // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, h, w) to (B, cout, h / stride, w / stride)."""
        return super().forward(F.pad(x, self._margins))


def _pair(sides: tuple[int, ...]) -> tuple[int, int]:
    return sides[0], sides[1]


def fix_padding(net: nn.Module) -> None:
    """Give every convolution of timm's that pads by the sides of its input the padding of whole cells, in place."""
    from timm.layers import Conv2dSame

    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Conv2d) and type(layer) is Conv2dSame:
                setattr(parent, name, _FixedSame(layer))
