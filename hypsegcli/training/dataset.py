"""A folder of images and masks, checked before the first epoch.

DIR/train/images  DIR/train/masks  DIR/val/images  DIR/val/masks    same names without their suffixes
DIR/classes.txt                                                     id:name, ids from 0 without gaps
DIR/hierarchy.json                                                  optional class tree
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from torchvision import tv_tensors
from torchvision.transforms import v2

from hypsegcli.errors import DataError
from hypsegcli.hierarchy.tree import ClassTree, flat_tree, read_class_names, read_tree
from hypsegcli.images.shrink import shrink_image, shrink_mask
from hypsegcli.truth.check import examine_masks, read_image
from hypsegcli.truth.masks import decode_ids, hold_out
from hypsegcli.truth.pairs import Pair, pair_folders


class Split(NamedTuple):
    """The pairs of a split, and what was counted in their masks."""

    pairs: tuple[Pair, ...]
    pixels: NDArray[np.int64]  # (K,) labelled pixels of each class
    void: tuple[Path, ...]  # masks without a labelled pixel
    height: int  # median size of the images
    width: int


def read_data_tree(data: Path) -> ClassTree:
    """The class tree of a data folder; flat where it has no hierarchy.json."""
    names = read_class_names(data / "classes.txt")
    hierarchy = data / "hierarchy.json"
    return read_tree(hierarchy, names) if hierarchy.exists() else flat_tree(names)


def read_split(data: Path, name: str, *, classes: int, ignore_index: int, names: Sequence[str] = ()) -> Split:
    """Pair images with masks and decode every one of them, so that no epoch ends at a damaged file.

    `names` are those of the classes, for messages. Raises PlanError for missing partners; DataError, with the likely
    mistake, for ids that cannot be right (see `examine_masks`) and sizes that disagree; ImageError for a file that
    cannot be decoded.
    """
    images, masks = (data / name / kind for kind in ("images", "masks"))
    for folder in (images, masks):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; expected train/images, train/masks, val/images and val/masks")
    pairs = tuple(pair_folders(masks=masks, images=images))
    survey = examine_masks(
        [pair.mask for pair in pairs],
        classes=classes,
        ignore_index=ignore_index,
        id_map=None,
        names=names,
        translation=None,
    )
    for pair, size in zip(pairs, survey.sizes, strict=True):
        read_image(pair, size)
    pixels = np.array([survey.pixels.get(k, 0) if k != ignore_index else 0 for k in range(classes)], dtype=np.int64)
    height, width = np.median(np.asarray(survey.sizes), axis=0).astype(int).tolist()
    return Split(pairs, pixels, survey.void, height, width)


class Draw(NamedTuple):
    """Which sample, and the seed of its augmentation: all that an item of an epoch depends on."""

    sample: int
    seed: int


class EpochSampler(Sampler[Draw]):
    """Every sample once an epoch in an order, and with augmentations, that follow from seed and epoch alone.

    So an epoch is the same in a resumed run, and for any number of worker processes.
    """

    def __init__(self, count: int, *, seed: int) -> None:
        self.count = count
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Draw]:
        rng = np.random.default_rng([self.seed, self.epoch])
        for index in rng.permutation(self.count):
            yield Draw(int(index), int(rng.integers(2**31)))


class Crop(NamedTuple):
    """An item of an epoch; in a batch every part has one axis more, in front."""

    image: Tensor  # (3, h, w) uint8
    mask: Tensor  # (h, w) int64
    sample: int  # which one it is cut from; in a batch a tensor
    in_fold: bool  # whether it teaches the radius alone; in a batch a tensor


class CropDataset(Dataset[Crop]):
    """Augmented crops; pixels of `held_out` classes are void in them, and `fold` (N,) tells which teach the radius."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        augmentation: v2.Compose,
        *,
        ignore_index: int,
        fold: NDArray[np.bool_],
        held_out: Sequence[int] = (),
        longest_side: int | None = None,
    ) -> None:
        self.pairs = pairs
        self.fold = fold
        self.augmentation = augmentation
        self.ignore_index = ignore_index
        self.held_out = held_out
        self.longest_side = longest_side

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, draw: Draw) -> Crop:
        pair = self.pairs[draw.sample]
        mask = decode_ids(pair.mask)
        pixels = read_image(pair, mask.shape).pixels
        mask = shrink_mask(mask, self.longest_side).astype(np.int64)
        mask = hold_out(mask, self.held_out, void=self.ignore_index)
        image = tv_tensors.Image(torch.from_numpy(shrink_image(pixels, self.longest_side)).permute(2, 0, 1))
        labels = tv_tensors.Mask(torch.from_numpy(mask))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.seed)
            image, labels = self.augmentation(image, labels)
        return Crop(image.as_subclass(Tensor), labels.as_subclass(Tensor), draw.sample, bool(self.fold[draw.sample]))
