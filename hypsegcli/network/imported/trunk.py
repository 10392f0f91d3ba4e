"""Trunk: another project's network up to its classifier."""

from __future__ import annotations

from torch import Tensor, nn


class Trunk(nn.Module):
    """A normalised image (B, 3, H, W) to features (B, channels, h, w), as another project computes them.

    Its tensors have the names that they have there, as far as a converter need not merge any.
    """

    channels: int

    def forward(self, image: Tensor) -> Tensor:
        """H and W are multiples of the kind's alignment."""
        raise NotImplementedError
