"""Photographs that show nothing a checkpoint knows: whole, and pasted into its own (outlier exposure).

Nothing is classified there; the radius is taught to be short (Hendrycks et al., "Deep Anomaly Detection with Outlier
Exposure", ICLR 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from hypsegcli.images.decode import decode_image
from hypsegcli.images.shrink import shrink_image, shrink_mask
from hypsegcli.scores.sources import void_without_data
from hypsegcli.training.targets import OTHER
from hypsegcli.training.unchanged import check_photograph

_SMALLEST, _LARGEST = 1 / 8, 1 / 2  # of a pasted ellipse, in heights and widths of its crop


class OtherWorlds:
    """Crops of photographs, by the augmentation that the training images get."""

    def __init__(
        self, looked_at: Mapping[Path, str], augmentation: v2.Compose, *, longest_side: int | None, void: int
    ) -> None:
        """`looked_at` are the photographs, each with what was in its file."""
        self.paths = tuple(looked_at)
        self.digests = looked_at
        self.augmentation = augmentation
        self.longest_side = longest_side
        self._void = void

    def crop(self, index: int) -> tuple[Tensor, Tensor]:
        """An image (3, h, w) uint8 and its mask (h, w) int64: `OTHER`, and void where the image has no data or is not.

        Raises DataError for a photograph that has changed since it was looked at.
        """
        path = self.paths[index]
        photograph = decode_image(path)
        check_photograph(path, photograph, self.digests[path])
        pixels = shrink_image(photograph.pixels, self.longest_side)
        image = tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1))
        valid = None if photograph.valid is None else shrink_mask(photograph.valid, self.longest_side)
        targets = void_without_data(np.full(pixels.shape[:2], OTHER, np.int64), valid, void=self._void)
        mask = tv_tensors.Mask(torch.from_numpy(targets))
        image, mask = self.augmentation(image, mask)
        return image.as_subclass(Tensor), mask.as_subclass(Tensor)

    def paste(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The same crop with an ellipse of another photograph in it."""
        other, theirs = self.crop(int(torch.randint(len(self.paths), ())))
        inside = _ellipse(*mask.shape)
        return torch.where(inside, other, image), torch.where(inside, theirs, mask)


def _ellipse(height: int, width: int) -> Tensor:
    """(height, width) bool: a random one, whose middle lies within."""
    low, high = torch.tensor([_SMALLEST, _LARGEST]) / 2.0
    (y, x), axes = torch.rand(2), low + (high - low) * torch.rand(2)
    rows, columns = torch.arange(height)[:, None] / height, torch.arange(width)[None, :] / width
    inside: Tensor = ((rows - y) / axes[0]) ** 2 + ((columns - x) / axes[1]) ** 2 <= 1.0
    return inside
