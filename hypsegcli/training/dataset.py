"""Images and masks, checked before the first epoch; how they may lie on disk is in `layouts`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.images.nodata import Valid, all_valid
from hypsegcli.images.shrink import shrink_image, shrink_mask
from hypsegcli.scores.sources import void_without_data
from hypsegcli.training.layouts.source import Source
from hypsegcli.training.other_worlds import OtherWorlds
from hypsegcli.training.sample_crops import CropSampler
from hypsegcli.training.unchanged import check_pair, digest_pair
from hypsegcli.truth.check import examine_masks, read_image
from hypsegcli.truth.diagnose import MASKS, Wording
from hypsegcli.truth.masks import IdMap, decode_labelled, hold_out, read_mask
from hypsegcli.truth.pairs import Pair
from hypsegcli.truth.turned import NOTE, turned_alone


class Split(NamedTuple):
    """The pairs of a split, and what was counted in their masks."""

    pairs: tuple[Pair, ...]
    id_map: IdMap | None  # from the masks' values to class ids
    pixels: NDArray[np.int64]  # (K,) labelled pixels of each class, those that images have no data of left out
    void: tuple[Path, ...]  # masks without a labelled pixel
    height: int  # median size of the images
    width: int
    longest_sides: NDArray[np.int64]  # (N,) pixels, of each image
    doubts: tuple[str, ...]  # on what is odd about the masks, also beside their images
    digests: Mapping[str, str]  # by key, of what is in the files of image and mask
    notes: tuple[tuple[str, ...], ...]  # on each image, of what was changed on the way from its file


def read_split(pairs: tuple[Pair, ...], source: Source, *, ignore_index: int) -> Split:
    """Decode every image and mask of a split of a source, so that no epoch ends at a damaged file.

    Raises DataError, with the likely mistake, for ids that cannot be right (see `examine_masks`), sizes that disagree,
    and images that have no data wherever masks are labelled; ImageError for a file that cannot be decoded.
    """
    classes, workers = source.tree.classes, default_workers()
    survey = examine_masks(
        [pair.mask for pair in pairs],
        classes=classes,
        ignore_index=ignore_index,
        id_map=source.id_map,
        names=source.tree.names[:classes],
        wording=MASKS if source.translation else Wording(translation=None, colors=None),
        workers=workers,
        by_data=True,
    )

    def look(pair_and_size: tuple[Pair, tuple[int, ...]]) -> _Look:
        pair, size = pair_and_size
        image = read_image(pair, size)
        notes = image.notes if turned_alone(pair, image) == 1 else (*image.notes, NOTE)
        digest = digest_pair(pair, image)
        if image.valid is None or image.valid.all():
            return _Look(image.pixels.size, digest, notes)
        ids = read_mask(pair.mask, classes=classes, ignore_index=ignore_index, id_map=source.id_map)
        lacking = np.bincount(ids[~image.valid], minlength=classes + 1)[:classes]
        return _Look(image.pixels.size, digest, notes, lacking)

    looks = ahead(look, zip(pairs, survey.sizes, strict=True), workers=workers, pixels=lambda seen: seen.size)
    found = list(looks)
    digests = {pair.key: seen.digest for pair, seen in zip(pairs, found, strict=True)}
    notes = tuple(seen.notes for seen in found)
    pixels = np.array([survey.pixels.get(k, 0) if k != ignore_index else 0 for k in range(classes)], dtype=np.int64)
    pixels, without = _where_data_are(pixels, found, pairs)
    height, width = np.median(np.asarray(survey.sizes), axis=0).astype(int).tolist()
    longest = np.max(np.asarray(survey.sizes, np.int64), axis=1)
    doubts = (*survey.doubts, *without)
    return Split(pairs, source.id_map, pixels, survey.void, height, width, longest, doubts, digests, notes)


class _Look(NamedTuple):
    """At one image."""

    size: int  # numbers in it
    digest: str  # of what is in its file and its mask's
    notes: tuple[str, ...]
    lacking: NDArray[np.int64] | int = 0  # (K,) labelled pixels of each class that it has no data of


def _where_data_are(
    pixels: NDArray[np.int64], looks: Sequence[_Look], pairs: Sequence[Pair]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Of labelled pixels (K,) those that images have data of, and what is to be said of the others, if there are any.

    Raises DataError where none is left of some.
    """
    left = pixels - sum(look.lacking for look in looks)
    if (lost := int(pixels.sum() - left.sum())) == 0:
        return left, ()
    advice = "take the nodata value, the mask or the alpha out of the photographs"
    if not left.any():
        raise DataError(
            f"all {lost:,} labelled pixels of the {len(pairs)} masks, such as {pairs[0].mask}, lie where photographs "
            f"say that they have no data; {advice}, or label what they have data of"
        )
    return left, (
        f"{lost:,} labelled pixels of the masks are void, since photographs say that they have no data there; if they "
        f"have, {advice}",
    )


class MorePair(NamedTuple):
    """An image of theirs with its mask, and what each of its ids teaches."""

    pair: Pair
    targets: NDArray[np.int64]  # (65536,): by a mask's value, a target of ours or our void
    longest_side: int  # of the image, in pixels
    digest: str  # of what is in the files of image and mask, see digest_pair
    notes: tuple[str, ...]  # of what was changed in the image on the way from its file
    meaning: str = ""  # a digest of what each value of the mask teaches, whatever files say so


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

    `id_map` leads from the own masks' values to class ids; pixels of `held_out` classes are void. `fold` tells, for the
    own and the further pairs, which teach the radius alone. Pieces of `others` are pasted into a share of both. Where
    there is a `sampler`, crops are samples of what is cut out.
    `digests`, by the own pairs' keys, are of the files that were looked at: an item of others raises DataError.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        augmentation: v2.Compose,
        *,
        ignore_index: int,
        fold: NDArray[np.bool_],
        digests: Mapping[str, str] | None = None,
        id_map: IdMap | None = None,
        held_out: Sequence[int] = (),
        longest_side: int | None = None,
        more: Sequence[MorePair] = (),
        others: OtherWorlds | None = None,
        pasted: float = 0.0,
        sampler: CropSampler | None = None,
    ) -> None:
        self.pairs = pairs
        self.more = more
        self.others = others
        self.pasted = pasted
        self.sampler = sampler
        self.fold = fold
        self.digests = digests
        self.augmentation = augmentation
        self.ignore_index = ignore_index
        self.id_map = id_map
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
                crop = self._sampled(*self.others.crop(draw.sample - self._labelled))
                return Crop(*crop, draw.sample, in_fold=False)
            image, mask = self._crop(draw.sample)
            if self.others and float(torch.rand(())) < self.pasted:
                image, mask = self.others.paste(image, mask)
        return Crop(*self._sampled(image, mask), draw.sample, bool(self.fold[draw.sample]))

    def _sampled(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return (image, mask) if self.sampler is None else self.sampler.sample(image, mask)

    def _pair(self, sample: int) -> tuple[Pair, NDArray[np.int64] | None, str | None]:
        """A pair, what its ids teach where they are not ours, and what was in its files."""
        if sample < len(self.pairs):
            pair = self.pairs[sample]
            return pair, None, self.digests[pair.key] if self.digests else None
        more = self.more[sample - len(self.pairs)]
        return more.pair, more.targets, more.digest

    def _meant(self, mask: NDArray[Any], valid: Valid | None, targets: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """What the values of a mask are to teach; where there are no data, whatever its values are, nothing."""
        mask = mask if valid is None else np.where(valid, mask, 0)
        if targets is not None:
            mask = targets[mask]
        elif self.id_map:
            mask = self.id_map.apply(mask, self.ignore_index)
        return void_without_data(mask.astype(np.int64), valid, void=self.ignore_index)

    def _crop(self, sample: int) -> tuple[Tensor, Tensor]:
        pair, targets, expected = self._pair(sample)
        colors = self.id_map.colors if self.id_map and targets is None else None
        mask, by_mask = decode_labelled(pair.mask, colors)
        photograph = read_image(pair, mask.shape)
        check_pair(pair, photograph, expected)
        valid = all_valid(by_mask, photograph.valid)
        if self.sampler is None:
            mask = shrink_mask(mask, self.longest_side)
            valid = None if valid is None else shrink_mask(valid, self.longest_side)
        mask = hold_out(self._meant(mask, valid, targets), self.held_out, void=self.ignore_index)
        if self.sampler is None:
            pixels = shrink_image(photograph.pixels, self.longest_side)
        else:
            pixels, mask = self.sampler.enlarge(photograph.pixels, mask)
        image = tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1))
        labels = tv_tensors.Mask(torch.from_numpy(mask))
        image, labels = self.augmentation(image, labels)
        return image.as_subclass(Tensor), labels.as_subclass(Tensor)
