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
from hypsegcli.training.other_worlds import OtherWorlds
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

    So an epoch is the same in a resumed run, and for any number of worker processes. Of `others` samples that follow
    the first `count`, some are drawn, as many as make up `share` of the epoch.
    """

    def __init__(self, count: int, *, seed: int, others: int = 0, share: float = 0.0) -> None:
        self.count = count
        self.others = others
        self.drawn = round(count * share / (1.0 - share)) if others else 0
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.count + self.drawn

    def __iter__(self) -> Iterator[Draw]:
        rng = np.random.default_rng([self.seed, self.epoch])
        samples = np.arange(self.count)
        if self.drawn:
            samples = np.concatenate([samples, self.count + rng.integers(self.others, size=self.drawn)])
        for index in rng.permutation(samples):
            yield Draw(int(index), int(rng.integers(2**31)))


class Crop(NamedTuple):
    """An item of an epoch; in a batch every part has one axis more, in front."""

    image: Tensor  # (3, h, w) uint8
    mask: Tensor  # (h, w) int64: class ids, void, or `OTHER`
    sample: int  # which one it is cut from; in a batch a tensor
    in_fold: bool  # whether it teaches the radius alone; in a batch a tensor


class CropDataset(Dataset[Crop]):
    """Augmented crops; pixels of `held_out` classes are void in them, and `fold` (N,) tells which teach the radius.

    Samples from N on are those of `others`, pieces of which are pasted into a share of the first N.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        augmentation: v2.Compose,
        *,
        ignore_index: int,
        fold: NDArray[np.bool_],
        held_out: Sequence[int] = (),
        longest_side: int | None = None,
        others: OtherWorlds | None = None,
        pasted: float = 0.0,
    ) -> None:
        self.pairs = pairs
        self.others = others
        self.pasted = pasted
        self.fold = fold
        self.augmentation = augmentation
        self.ignore_index = ignore_index
        self.held_out = held_out
        self.longest_side = longest_side

    def __len__(self) -> int:
        return len(self.pairs) + (len(self.others.paths) if self.others else 0)

    def name(self, sample: int) -> str:
        """What a sample is called in messages."""
        own = len(self.pairs)
        return self.pairs[sample].key if sample < own or not self.others else str(self.others.paths[sample - own])

    def __getitem__(self, draw: Draw) -> Crop:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.seed)
            if self.others and draw.sample >= len(self.pairs):
                return Crop(*self.others.crop(draw.sample - len(self.pairs)), draw.sample, in_fold=False)
            image, mask = self._crop(draw.sample)
            if self.others and float(torch.rand(())) < self.pasted:
                image, mask = self.others.paste(image, mask)
        return Crop(image, mask, draw.sample, bool(self.fold[draw.sample]))

    def _crop(self, sample: int) -> tuple[Tensor, Tensor]:
        pair = self.pairs[sample]
        mask = decode_ids(pair.mask)
        pixels = read_image(pair, mask.shape).pixels
        mask = shrink_mask(mask, self.longest_side).astype(np.int64)
        mask = hold_out(mask, self.held_out, void=self.ignore_index)
        image = tv_tensors.Image(torch.from_numpy(shrink_image(pixels, self.longest_side)).permute(2, 0, 1))
        labels = tv_tensors.Mask(torch.from_numpy(mask))
        image, labels = self.augmentation(image, labels)
        return image.as_subclass(Tensor), labels.as_subclass(Tensor)
