"""Two views of an image: one as it is, one in other colours and perhaps mirrored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors

from hypsegcli.images.decode import decode_image
from hypsegcli.images.shrink import shrink_image
from hypsegcli.training.augment import build_augmentation, color_jitter
from hypsegcli.training.clustering.config import ClusterConfig
from hypsegcli.training.dataset import Draw
from hypsegcli.training.unchanged import check_photograph

_NOTHING = 1  # where the image did not reach; it is 0 elsewhere


class Views(NamedTuple):
    """An item of an epoch; in a batch every part has one axis more, in front."""

    first: Tensor  # (3, h, w) uint8
    second: Tensor  # (3, h, w) uint8, left and right exchanged where it is mirrored
    seen: Tensor  # (h, w) bool: where the first view shows the image, and not what fills its crop
    mirrored: bool  # in a batch a tensor
    sample: int  # which image; in a batch a tensor


class ViewsDataset(Dataset[Views]):
    """The views of images, by an augmentation that follows from a draw's seed alone."""

    def __init__(
        self, looked_at: Mapping[Path, str], config: ClusterConfig, *, crop: tuple[int, int], fill: tuple[int, int, int]
    ) -> None:
        """`looked_at` are the images, each with what was in its file; `crop` is (height, width) of their views."""
        self.paths = tuple(looked_at)
        self.digests = looked_at
        shape = {"crop_height": crop[0], "crop_width": crop[1], "color_jitter": 0.0}
        self.place = build_augmentation(config.model_copy(update=shape), fill=fill, ignore_index=_NOTHING)
        self.jitter = color_jitter(config)
        self.flip = config.flip
        self.longest_side = config.longest_side or None

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, sample: int) -> str:
        """What a sample is called in messages."""
        return str(self.paths[sample])

    def __getitem__(self, draw: Draw) -> Views:
        """Raises DataError for an image that has changed since it was looked at, ImageError for one gone bad."""
        path = self.paths[draw.sample]
        photograph = decode_image(path)
        check_photograph(path, photograph, self.digests[path])
        pixels = shrink_image(photograph.pixels, self.longest_side)
        image = tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1))
        nothing = tv_tensors.Mask(torch.zeros(pixels.shape[:2], dtype=torch.int64))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.seed)
            image, nothing = self.place(image, nothing)
            second = self.jitter(image)
            mirrored = self.flip and bool(torch.rand(()) < 0.5)
        second = second.as_subclass(Tensor)
        return Views(
            image.as_subclass(Tensor),
            second.flip(-1) if mirrored else second,
            nothing.as_subclass(Tensor) != _NOTHING,
            mirrored,
            draw.sample,
        )
