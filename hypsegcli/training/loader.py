"""What an epoch is drawn from: the training pairs, other people's, and photographs of other worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch.utils.data import DataLoader

from hypsegcli.checkpoint.format import Header
from hypsegcli.errors import HypsegError
from hypsegcli.files.digest import short_digest
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.files.words import count_alike, count_of
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.decode import decode_image
from hypsegcli.images.discover import Input, Inputs, find_inputs
from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import Crop, CropDataset, EpochSampler, MorePair, Pool, Split
from hypsegcli.training.fold import radius_fold
from hypsegcli.training.launched import Place
from hypsegcli.training.more_data import read_more_data
from hypsegcli.training.other_worlds import OtherWorlds
from hypsegcli.training.read_batches import Reading, collate, leave_stopping_to_training
from hypsegcli.training.sample_crops import CropSampler
from hypsegcli.training.slices import BatchSlices


class More(NamedTuple):
    """What is learned from beside the training pairs."""

    pairs: tuple[MorePair, ...]
    others: Mapping[Path, str]  # photographs of other worlds, and what is in each
    names: tuple[str, ...]  # of both, with their numbers
    digests: Mapping[str, Mapping[str, str]]  # of both, by setting and by file, of what is in them and what it means
    folders: tuple[Path, ...]  # that are searched for both
    notes: tuple[str, ...]  # on what was left out, and what was changed in images of both on the way from their files


def read_more(config: TrainConfig, tree: ClassTree, directory: Path) -> More:
    """Look at all of it, so that no epoch ends at a damaged file.

    The files below `directory` are called by their way from there, from wherever they are seen. Raises DataError,
    PlanError or ImageError where something does not fit.
    """
    pairs: tuple[MorePair, ...] = ()
    searched: tuple[Path, ...] = ()
    names: list[str] = []
    told: list[str] = []
    renamed = Path(config.more_names) if config.more_names else None
    if config.more_data:
        pairs, searched = read_more_data(
            config.more_data, renamed, tree, ignore_index=config.ignore_index, tell=told.append
        )
        called = ", ".join(Path(folder).resolve().name for folder in config.more_data)
        names.append(f"{called}/train, {count_of(len(pairs), 'image')}")
    found = find_inputs([config.other_worlds]) if config.other_worlds else Inputs((), ())
    others = found.images

    def look(photograph: Input) -> tuple[int, str, tuple[str, ...]]:
        """Its size, what is in its file, and what was changed in it."""
        image = decode_image(photograph.path)
        return image.pixels.size, short_digest(image.digest), image.notes

    looks = list(ahead(look, others, workers=default_workers(), pixels=lambda seen: seen[0]))
    looked_at = {other.path: digest for other, (_, digest, _) in zip(others, looks, strict=True)}
    digests = {
        "more_data": {
            _called(more.pair.image, directory): more.digest + more.meaning for more in pairs if more.pair.image
        },
        "other_worlds": {_called(path, directory): digest for path, digest in looked_at.items()},
    }
    changed = {"further data": (more.notes for more in pairs), "other worlds": (notes for _, _, notes in looks)}
    notes = tuple(
        f"{name}: {line}" for name, each in changed.items() for line in count_alike(chain.from_iterable(each), "image")
    )
    if others:
        names.append(f"other worlds, {count_of(len(others), 'image')}")
    folders = (*searched, *found.folders)
    return More(pairs, looked_at, tuple(names), digests, folders, (*told, *notes))


def _called(path: Path, directory: Path) -> str:
    whole, above = path.absolute(), directory.absolute()
    return str(whole.relative_to(above) if whole.is_relative_to(above) else whole)


def build_loader(
    config: TrainConfig, split: Split, more: More, *, header: Header, held_out: Sequence[int], place: Place
) -> tuple[DataLoader[Crop | HypsegError], EpochSampler]:
    """Batches of crops, of each the part of a place among processes, and the sampler whose epoch is to be set."""
    red, green, blue = (round(255 * mean) for mean in header.input.mean)
    augmentation = build_augmentation(config, fill=(red, green, blue), ignore_index=config.ignore_index)
    longest_side = config.longest_side or None
    is_adaptive = config.sampling == "adaptive"
    crop_sampler = CropSampler(longest_side=config.longest_side, void=config.ignore_index) if is_adaptive else None
    others_side = longest_side if crop_sampler is None else crop_sampler.finer_side
    others = OtherWorlds(more.others, augmentation, longest_side=others_side, void=config.ignore_index)
    dataset = CropDataset(
        split.pairs,
        augmentation,
        ignore_index=config.ignore_index,
        fold=np.concatenate([radius_fold(len(pairs), config.radius_fold) for pairs in (split.pairs, more.pairs)]),
        digests=split.digests,
        id_map=split.id_map,
        held_out=held_out,
        longest_side=longest_side,
        more=more.pairs,
        others=others if more.others else None,
        pasted=config.other_worlds_share,
        sampler=crop_sampler,
    )
    pools = (Pool(len(more.pairs), config.more_share), Pool(len(more.others), config.other_worlds_share))
    sampler = EpochSampler(len(split.pairs), seed=config.seed, pools=pools)
    loader = DataLoader(
        Reading(dataset),
        batch_sampler=BatchSlices(sampler, config.batch_size, place),
        num_workers=config.workers,
        collate_fn=collate,
        worker_init_fn=leave_stopping_to_training,
    )
    return loader, sampler
