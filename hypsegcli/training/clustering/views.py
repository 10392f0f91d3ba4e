"""Two views of an image, one beside the other: the first as it is, the second in other colours, perhaps mirrored.

Both are cut out of one crop, each at a place of its own. Were they at the same place, a network could tell it from how
far away the borders are, and bands across the image would be clusters on which all views agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors

from hypsegcli.images.decode import decode_image
from hypsegcli.images.shrink import shrink_image, shrink_mask
from hypsegcli.network.model import GRID
from hypsegcli.scores.sources import void_without_data
from hypsegcli.training.augment import build_augmentation, color_jitter
from hypsegcli.training.clustering.config import ClusterConfig
from hypsegcli.training.dataset import Draw
from hypsegcli.training.unchanged import check_photograph

_ALIGNMENT = 16  # of the sides of what goes into a network
_NOTHING = 1  # where the image did not reach, or has no data; it is 0 elsewhere


class Views(NamedTuple):
    """An item of an epoch; in a batch every part has one axis more, in front."""

    first: Tensor  # (3, h, w) uint8
    second: Tensor  # (3, h, w) uint8, left and right exchanged where it is mirrored
    seen: Tensor  # (2, h, w) bool: where each view shows data of the image, not what fills its crop; none is mirrored
    shift: Tensor  # (2,) int64: rows and columns of the network's grid by which the second lies behind the first
    mirrored: bool  # in a batch a tensor
    sample: int  # which image; in a batch a tensor


class Sizes(NamedTuple):
    """(height, width) in pixels, multiples of 16."""

    crop: tuple[int, int]  # of an image
    view: tuple[int, int]  # of both views in it


def sizes_of(config: ClusterConfig, images: Sequence[tuple[int, int]]) -> Sizes:
    """The crop that is asked for, or one of the usual size of images (height, width), and what views have of it."""
    usual = np.median(np.asarray(images), axis=0)
    crop = tuple(
        asked or _aligned(side)
        for asked, side in zip((config.crop_height, config.crop_width), usual.tolist(), strict=True)
    )
    view = tuple(min(side, _aligned(config.view_share * side)) for side in crop)
    return Sizes((crop[0], crop[1]), (view[0], view[1]))


def _aligned(side: float) -> int:
    return max(2, round(side / _ALIGNMENT)) * _ALIGNMENT


class ViewsDataset(Dataset[Views]):
    """The views of images, by an augmentation that follows from a draw's seed alone."""

    def __init__(
        self, looked_at: Sequence[tuple[Path, str]], config: ClusterConfig, *, sizes: Sizes, fill: tuple[int, int, int]
    ) -> None:
        """`looked_at` are the images, each with what was in its file; `sizes` as `sizes_of` has them."""
        self.looked_at = tuple(looked_at)
        self.sizes = sizes
        shape = {"crop_height": sizes.crop[0], "crop_width": sizes.crop[1], "color_jitter": 0.0}
        self.place = build_augmentation(config.model_copy(update=shape), fill=fill, ignore_index=_NOTHING)
        self.jitter = color_jitter(config)
        self.flip = config.flip
        self.longest_side = config.longest_side or None

    def __len__(self) -> int:
        return len(self.looked_at)

    def name(self, sample: int) -> str:
        """What a sample is called in messages."""
        return str(self.looked_at[sample][0])

    def __getitem__(self, draw: Draw) -> Views:
        """Raises DataError for an image that has changed since it was looked at, ImageError for one gone bad."""
        path, digest = self.looked_at[draw.sample]
        photograph = decode_image(path)
        check_photograph(path, photograph, digest)
        pixels = shrink_image(photograph.pixels, self.longest_side)
        image = tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1))
        valid = None if photograph.valid is None else shrink_mask(photograph.valid, self.longest_side)
        lacking = void_without_data(np.zeros(pixels.shape[:2], np.int64), valid, void=_NOTHING)
        nothing = tv_tensors.Mask(torch.from_numpy(lacking))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.seed)
            image, nothing = self.place(image, nothing)
            first, second = (self._corner() for _ in range(2))
            other = self.jitter(self._cut(image, second)).as_subclass(Tensor)
            mirrored = self.flip and bool(torch.rand(()) < 0.5)
        seen = torch.stack([self._cut(nothing, corner).as_subclass(Tensor) != _NOTHING for corner in (first, second)])
        return Views(
            self._cut(image, first).as_subclass(Tensor),
            other.flip(-1) if mirrored else other,
            seen,
            torch.tensor([(there - here) // GRID for here, there in zip(first, second, strict=True)]),
            mirrored,
            draw.sample,
        )

    def _corner(self) -> tuple[int, int]:
        """Where in the crop a view begins, in pixels, on the network's grid."""
        rooms = ((crop - view) // GRID + 1 for crop, view in zip(self.sizes.crop, self.sizes.view, strict=True))
        row, column = (GRID * int(torch.randint(room, ())) for room in rooms)
        return row, column

    def _cut(self, whole: Tensor, corner: tuple[int, int]) -> Tensor:
        (row, column), (height, width) = corner, self.sizes.view
        cut: Tensor = tv_tensors.wrap(whole[..., row : row + height, column : column + width], like=whole)
        return cut
