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


class MorePair(NamedTuple):
    """An image of theirs with its mask, and what each of its ids teaches."""

    pair: Pair
    targets: NDArray[np.int64]  # (65536,): by id, a target of ours or our void


class Draw(NamedTuple):
    """Which sample, and the seed of its augmentation: all that an item of an epoch depends on."""

    sample: int
    seed: int


class Pool(NamedTuple):
    """Samples beside the own ones, some of which are drawn for every epoch."""

    size: int
    share: float  # of the epoch

    def drawn(self, own: int, all_shares: float) -> int:
        """How many make up that share where `own` samples are the rest."""
        return round(own * self.share / (1.0 - all_shares)) if self.size else 0


class EpochSampler(Sampler[Draw]):
    """Every sample once an epoch in an order, and with augmentations, that follow from seed and epoch alone.

    So an epoch is the same in a resumed run, and for any number of worker processes. The samples of `pools` are
    numbered behind the first `count`, pool by pool.
    """

    def __init__(self, count: int, *, seed: int, pools: Sequence[Pool] = ()) -> None:
        self.count = count
        self.pools = tuple(pool for pool in pools if pool.size)
        shares = sum(pool.share for pool in self.pools)
        self.drawn = [pool.drawn(count, shares) for pool in self.pools]
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.count + sum(self.drawn)

    def __iter__(self) -> Iterator[Draw]:
        rng = np.random.default_rng([self.seed, self.epoch])
        samples, first = [np.arange(self.count)], self.count
        for pool, drawn in zip(self.pools, self.drawn, strict=True):
            samples.append(first + rng.integers(pool.size, size=drawn))
            first += pool.size
        for index in rng.permutation(np.concatenate(samples)):
            yield Draw(int(index), int(rng.integers(2**31)))


class Crop(NamedTuple):
    """An item of an epoch; in a batch every part has one axis more, in front."""

    image: Tensor  # (3, h, w) uint8
    mask: Tensor  # (h, w) int64: class ids, void, or what `targets` says
    sample: int  # which one it is cut from; in a batch a tensor
    in_fold: bool  # whether it teaches the radius alone; in a batch a tensor


class CropDataset(Dataset[Crop]):
    """Augmented crops, those of `more` pairs behind the own, those of `others` behind both.

    Pixels of `held_out` classes are void in them. `fold` tells, for the own and the further pairs, which teach the
    radius alone. Pieces of `others` are pasted into a share of both.
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
        more: Sequence[MorePair] = (),
        others: OtherWorlds | None = None,
        pasted: float = 0.0,
    ) -> None:
        self.pairs = pairs
        self.more = more
        self.others = others
        self.pasted = pasted
        self.fold = fold
        self.augmentation = augmentation
        self.ignore_index = ignore_index
        self.held_out = held_out
        self.longest_side = longest_side

    def __len__(self) -> int:
        return self._labelled + (len(self.others.paths) if self.others else 0)

    @property
    def _labelled(self) -> int:
        return len(self.pairs) + len(self.more)

    def name(self, sample: int) -> str:
        """What a sample is called in messages."""
        if self.others and sample >= self._labelled:
            return str(self.others.paths[sample - self._labelled])
        return self._pair(sample)[0].key

    def __getitem__(self, draw: Draw) -> Crop:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.seed)
            if self.others and draw.sample >= self._labelled:
                return Crop(*self.others.crop(draw.sample - self._labelled), draw.sample, in_fold=False)
            image, mask = self._crop(draw.sample)
            if self.others and float(torch.rand(())) < self.pasted:
                image, mask = self.others.paste(image, mask)
        return Crop(image, mask, draw.sample, bool(self.fold[draw.sample]))

    def _pair(self, sample: int) -> tuple[Pair, NDArray[np.int64] | None]:
        """A pair, and what its ids teach where they are not ours."""
        own = len(self.pairs)
        return (self.pairs[sample], None) if sample < own else self.more[sample - own]

    def _crop(self, sample: int) -> tuple[Tensor, Tensor]:
        pair, targets = self._pair(sample)
        mask = decode_ids(pair.mask)
        pixels = read_image(pair, mask.shape).pixels
        mask = shrink_mask(mask, self.longest_side).astype(np.int64)
        mask = mask if targets is None else targets[mask]
        mask = hold_out(mask, self.held_out, void=self.ignore_index)
        image = tv_tensors.Image(torch.from_numpy(shrink_image(pixels, self.longest_side)).permute(2, 0, 1))
        labels = tv_tensors.Mask(torch.from_numpy(mask))
        image, labels = self.augmentation(image, labels)
        return image.as_subclass(Tensor), labels.as_subclass(Tensor)
