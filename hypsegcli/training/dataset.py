"""A folder of images and masks, checked before the first epoch.

DIR/train/images  DIR/train/masks  DIR/val/images  DIR/val/masks    same stems
DIR/classes.txt                                                     id:name, ids from 0 without gaps
DIR/hierarchy.json                                                  optional class tree
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from torchvision import tv_tensors
from torchvision.transforms import v2

from hypsegcli.errors import DataError
from hypsegcli.hierarchy.tree import ClassTree, flat_tree, read_class_names, read_tree
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.images.discover import SUFFIXES
from hypsegcli.images.shrink import shrink_image, shrink_mask


class Sample(NamedTuple):
    """One image and its mask."""

    image: Path
    mask: Path


class Split(NamedTuple):
    """The samples of a split, and what a look at every mask found."""

    samples: tuple[Sample, ...]
    pixels: NDArray[np.int64]  # (K,) labelled pixels of each class
    void: tuple[Path, ...]  # masks without a labelled pixel
    height: int  # median size of the images
    width: int


def read_data_tree(data: Path) -> ClassTree:
    """The class tree of a data folder; flat where it has no hierarchy.json."""
    names = read_class_names(data / "classes.txt")
    hierarchy = data / "hierarchy.json"
    return read_tree(hierarchy, names) if hierarchy.exists() else flat_tree(names)


def read_split(data: Path, name: str, *, classes: int, ignore_index: int) -> Split:
    """Pair images with masks by stem and decode every one of them, so that no epoch ends at a damaged file.

    Raises DataError for missing partners, ids outside the class list, sizes that disagree and all-void masks;
    ImageError for a file that cannot be decoded.
    """
    images, masks = (_by_stem(data / name / kind) for kind in ("images", "masks"))
    if lonely := sorted(set(images) ^ set(masks)):
        raise DataError(
            f"{data / name}: {len(lonely)} images or masks have no partner of the same stem, such as "
            f"{', '.join(lonely[:5])}"
        )
    pixels, sizes, void = np.zeros(classes, dtype=np.int64), [], []
    samples = tuple(Sample(images[stem], masks[stem]) for stem in sorted(images))
    for sample in samples:
        mask = decode_mask(sample.mask)
        _same_size(sample, decode_image(sample.image).pixels, mask)
        labelled = mask[mask != ignore_index]
        if labelled.size and (labelled.min() < 0 or labelled.max() >= classes):
            strange = sorted(set(np.unique(labelled).tolist()) - set(range(classes)))[:8]
            raise DataError(
                f"{sample.mask}: holds the ids {', '.join(map(str, strange))}, but classes.txt ends at {classes - 1} "
                f"and void is {ignore_index}; pass --ignore-index if another id means 'not labelled'"
            )
        pixels += np.bincount(labelled.ravel(), minlength=classes)
        sizes.append(mask.shape)
        if not labelled.size:
            void.append(sample.mask)
    if not pixels.any():
        raise DataError(f"{data / name / 'masks'}: no mask has a labelled pixel (void is {ignore_index})")
    height, width = np.median(np.asarray(sizes), axis=0).astype(int).tolist()
    return Split(samples, pixels, tuple(void), height, width)


def _same_size(sample: Sample, pixels: NDArray[np.uint8], mask: NDArray[Any]) -> None:
    if pixels.shape[:2] != mask.shape:
        raise DataError(
            f"{sample.image} is {pixels.shape[1]} x {pixels.shape[0]} pixels, its mask {sample.mask} is "
            f"{mask.shape[1]} x {mask.shape[0]}; a mask needs one id for each pixel"
        )


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected train/images, train/masks, val/images and val/masks")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise DataError(f"{path} and {found[path.stem].name} have the same stem; keep one of them")
        found[path.stem] = path
    if not found:
        raise DataError(f"{folder}: holds no images")
    return found


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


class CropDataset(Dataset[Crop]):
    """Augmented crops; pixels of `held_out` classes are void in them."""

    def __init__(
        self,
        samples: Sequence[Sample],
        augmentation: v2.Compose,
        *,
        ignore_index: int,
        held_out: Sequence[int] = (),
        longest_side: int | None = None,
    ) -> None:
        self.samples = samples
        self.augmentation = augmentation
        self.ignore_index = ignore_index
        self.held_out = held_out
        self.longest_side = longest_side

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: Draw) -> Crop:
        sample = self.samples[draw.sample]
        pixels, mask = decode_image(sample.image).pixels, decode_mask(sample.mask)
        _same_size(sample, pixels, mask)
        mask = shrink_mask(mask, self.longest_side).astype(np.int64)
        mask[np.isin(mask, self.held_out)] = self.ignore_index
        image = tv_tensors.Image(torch.from_numpy(shrink_image(pixels, self.longest_side)).permute(2, 0, 1))
        labels = tv_tensors.Mask(torch.from_numpy(mask))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw.seed)
            image, labels = self.augmentation(image, labels)
        return Crop(image.as_subclass(Tensor), labels.as_subclass(Tensor), draw.sample)
