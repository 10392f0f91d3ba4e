"""What is odd about the data or the settings of a training, but no reason to refuse it, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from itertools import chain

from hypsegcli.files.mark import image_mark
from hypsegcli.files.words import count_alike, count_of
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import PROTOTYPES
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import Split
from hypsegcli.truth.shift import histograms_shifted

_NAMED = 5  # files in a remark


def remarks_on_start(images: Iterable[str], val: Split) -> list[str]:
    """On what it starts from, of which the marks of the `images` are that it was trained on or chosen by."""
    seen = {*images} & {image_mark(digest) for digest in val.digests.values()}
    if not seen:
        return []
    return [
        f"{len(seen)} of {count_of(len(val.pairs), 'image')} to validate on are known to what it starts "
        "from, which was trained on them or chosen by them: their scores are too good"
    ]


def remarks_on_data(train: Split, val: Split, more: Sequence[str], tree: ClassTree) -> list[str]:
    """On images and masks of both, with what is to be said of `more` data."""
    splits = {"train": train, "val": val}
    return [
        *(f"{name}: {doubt}" for name, split in splits.items() for doubt in split.doubts),
        *(
            f"{name}: {line}"
            for name, split in splits.items()
            for line in count_alike(chain.from_iterable(split.notes), "image")
        ),
        *more,
        *_absent("train", train, tree),
        *_absent("val", val, tree),
        *_shifted(train, val),
    ]


def remarks_on_settings(config: TrainConfig, tree: ClassTree, *, new_head: bool) -> list[str]:
    """On what they mean here; `new_head`: some of the classifier is as chance made it."""
    remarks = []
    if config.train_only == "all" and config.head_epochs:
        remarks.append(
            f"embedding and classifier learn alone up to epoch {config.head_epochs}"
            f"{': till then scores say little' if new_head else ''}"
        )
    if config.softmax == "hierarchical" and tree.is_flat:
        remarks.append("there is no hierarchy.json, so the softmax is flat")
    elif config.softmax == "hierarchical" and config.head in PROTOTYPES:
        remarks.append("prototypes are of classes alone, so the softmax is flat")
    if config.ignore_index < tree.classes:
        name = tree.names[config.ignore_index]
        remarks.append(f"'{name}' is not learned: its id, {config.ignore_index}, is what means 'not labelled'")
    return remarks


def remarks_on_leaks(learned: Set[str], validated: Sequence[str]) -> list[str]:
    """On images to validate on whose files are among those that are learned from, from the marks of both."""
    if not (leaked := sum(mark in learned for mark in validated)):
        return []
    return [
        f"{leaked} of {count_of(len(validated), 'image')} to validate on {'is' if leaked == 1 else 'are'} trained on "
        "too, byte for byte: scores are too good, and so seems the best epoch; keep each image in one part of the data "
        "alone, train, val or more_data"
    ]


def _shifted(train: Split, val: Split) -> list[str]:
    if not histograms_shifted(train.pixels, val.pixels):
        return []
    return [
        "train and val have classes in like shares only if the ids of one are off by one: look whether one of them "
        "runs from 0 and the other from 1"
    ]


def _absent(name: str, split: Split, tree: ClassTree) -> list[str]:
    remarks = []
    if absent := [tree.names[k] for k in range(tree.classes) if not split.pixels[k]]:
        remarks.append(f"{name}: no mask has a pixel to be learned of {', '.join(absent)}")
    if split.void:
        some = ", ".join(path.name for path in split.void[:_NAMED])
        remarks.append(f"{name}: nothing is labelled in {len(split.void)} masks, such as {some}")
    return remarks
