"""The header of a network that is about to learn: all that is known of it before the first step."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from hypsegcli.checkpoint.format import Ancestor, Color, Header, InputSpec, Provenance
from hypsegcli.errors import DataError
from hypsegcli.files.mark import image_mark, kept_marks
from hypsegcli.files.words import as_text
from hypsegcli.hierarchy.tree import ClassTree, background_of
from hypsegcli.images.shrink import shrunk_size
from hypsegcli.network.model import Network
from hypsegcli.training.colors import read_colors
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import Split
from hypsegcli.training.init import Start, terms
from hypsegcli.training.loader import More


class Origin(NamedTuple):
    """What the first weights bring along, or a run that goes on."""

    initialised_from: str
    input: InputSpec | None = None  # None: the backbone's own
    images: Sequence[str] = ()  # marks of those that it was trained on
    validated_images: Sequence[str] = ()
    ancestors: tuple[Ancestor, ...] = ()
    colors: tuple[Color, ...] | None = None  # of our classes, where it has one for each
    new_head: bool = False  # whether some of the classifier is as chance made it
    new_classes: frozenset[int] = frozenset()  # of which it is


def origin_of(start: Start, tree: ClassTree) -> Origin:
    """That of a training that begins."""
    rows = start.rows
    random = any(name.startswith("head.") for name in start.random)
    fresh = {place for place, name in enumerate(tree.names[: tree.classes]) if random or (rows and name in rows.new)}
    return Origin(
        "; ".join([start.description, *(rows.told() if rows else [])]),
        start.input,
        start.images,
        start.validated_images,
        start.ancestors,
        start.colors,
        new_head=random or bool(rows and rows.new),
        new_classes=frozenset(fresh),
    )


def origin_of_earlier(earlier: Header) -> Origin:
    """That of one that goes on, from its header."""
    made = earlier.provenance
    return Origin(
        made.initialised_from, earlier.input, made.trained_images, made.validated_images, made.ancestors, earlier.colors
    )


def untrained_header(
    data: Path, config: TrainConfig, model: Network, tree: ClassTree, origin: Origin, *, train: Split, val: Split,
    more: More, learned: Sequence[str], recipe: TrainConfig,
) -> Header:  # fmt: skip
    """Of what is trained on a folder of `data`; paths of `config` are where they are looked for, as `recipe` had them.

    `learned` are the marks of all images that are learned from. Raises DataError for a background that is no class,
    and TreeError as `read_colors` does.
    """
    background = _background(config, tree)
    known = origin.input or InputSpec(**model.normalisation._asdict(), height=train.height, width=train.width)
    name = as_text(data.resolve().name)
    colors = origin.colors
    if config.colors or colors is None:
        file = Path(config.colors) if config.colors else None
        colors = read_colors(file, tree.names[: tree.classes], background=background)
    return Header(
        model=model.config,
        input=_input(config, known, train, more),
        tree=tree,
        colors=colors,
        ignore_index=config.ignore_index,
        background=background,
        provenance=Provenance(
            trained_on="; ".join([f"{name}/train, {len(train.pairs)} images", *map(as_text, more.names)]),
            validated_on=f"{name}/val, {len(val.pairs)} images",
            trained_images=kept_marks([*origin.images, *learned]),
            validated_images=kept_marks([*origin.validated_images, *map(image_mark, val.digests.values())]),
            licence=terms(config.licence, origin.ancestors),
            initialised_from=origin.initialised_from,
            ancestors=origin.ancestors,
            recipe=recipe.model_dump(mode="json"),
            hypseg_version=version("hypseg"),
            torch_version=torch.__version__,
        ),
    )


def _input(config: TrainConfig, known: InputSpec, split: Split, more: More) -> InputSpec:
    """As into what it starts from, but of the size of what is learned from; larger ones show what they show there."""
    height, width = shrunk_size(split.height, split.width, config.longest_side or None)
    shown = (known.field_of_view or "fixed") if config.field_of_view == "auto" else config.field_of_view
    side = None if shown == "grows" and not config.longest_side else _longest_side(config, split, more)
    update = {
        "height": height, "width": width, "longest_side": side, "field_of_view": shown, "sampling": config.sampling
    }  # fmt: skip
    return known.model_copy(update=update)


def _background(config: TrainConfig, tree: ClassTree) -> int | None:
    names = tree.names[: tree.classes]
    if config.background and config.background not in names:
        raise DataError(f"background: {config.background}: no such class; there are {', '.join(names)}")
    return names.index(config.background) if config.background else background_of(tree)


def _longest_side(config: TrainConfig, split: Split, more: More) -> int:
    """What 19 of 20 images that are learned from do not exceed, in pixels, as they go in."""
    sides = [*split.longest_sides, *(pair.longest_side for pair in more.pairs)]
    usual = int(np.percentile(sides, 95, method="inverted_cdf"))
    return min(usual, config.longest_side or usual)
