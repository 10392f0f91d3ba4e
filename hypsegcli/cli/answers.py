"""Who answers in `hypseg evaluate`, a network or maps in folders, and what the ids in masks and answers mean."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypsegcli.cli.console import say_nothing, talk
from hypsegcli.cli.parse import parse_tile
from hypsegcli.errors import UsageError

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.cli.scoring import ScoreOptions
    from hypsegcli.hierarchy.tree import ClassTree
    from hypsegcli.scores.sources import Source
    from hypsegcli.truth.pairs import Pair


# Of 0.05, 0.1, 0.2 and 0.3 the one at which dropout found the bundled checkpoint's mistakes best.
DROPOUT_RATE = 0.2


class Names(NamedTuple):
    """What ids mean."""

    tree: ClassTree
    ignore_index: int
    colors: tuple[tuple[int, int, int], ...]
    among: tuple[int, ...] | None  # --unseen
    background: int | None


class Asked(NamedTuple):
    """A source of answers, and the measures that it gives, the one to look at first where none is chosen first."""

    source: Source
    measures: Mapping[str, tuple[str, float]]  # title and full scale
    checkpoint: tuple[Path, str] | None  # and its sha256


def header_of(options: ScoreOptions) -> Header | None:
    """The header of the checkpoint that is run, or that was named to say what stored maps mean."""
    from hypsegcli.checkpoint import read_header as peek
    from hypsegcli.checkpoint.bundled import bundled_checkpoint

    if options.checkpoint is None and options.predictions is not None:
        return None
    return peek.read_header(options.checkpoint or bundled_checkpoint())


def names_of(options: ScoreOptions, header: Header | None, pairs: Sequence[Pair]) -> Names:
    """Classes, tree, void and colours: as options say, else the checkpoint, else the first label map itself."""
    from hypsegcli.hierarchy.tree import flat_tree, read_class_names, read_tree
    from hypsegcli.images.metadata import read_metadata
    from hypsegcli.pictures.palette import spread_colors

    first = pairs[0].labels
    own = read_metadata(first) if first is not None else None
    own_names = own.names if own is not None else None
    if own is not None and own.level is not None:
        raise UsageError(
            f"{first}: made with --level {own.level}, so that its ids are nodes of the tree; predict classes, from "
            "which evaluate scores every level"
        )
    if options.classes is not None:
        classes: Sequence[str] = read_class_names(options.classes)
    elif header is not None:
        classes = header.tree.names[: header.tree.classes]
    else:
        classes = own_names or ()
        if not classes:
            raise UsageError("these label maps do not tell what their ids mean; name a class list with --classes")
    if header is not None and len(classes) != header.tree.classes:
        raise UsageError(
            f"--classes {options.classes}: has {len(classes)} classes, the checkpoint {header.tree.classes}; "
            "translate ids with --map"
        )
    if own_names is not None and own_names != tuple(classes) and options.prediction_map is None:
        raise UsageError(
            f"{first}: says that its ids mean {_few(own_names)}, the class list has {_few(classes)}; translate with "
            "--prediction-map, or name the class list of these maps"
        )
    if options.tree is not None:
        tree = read_tree(options.tree, classes)
    elif header is not None and options.classes is None:
        tree = header.tree
    else:
        tree = flat_tree(classes)
    void = options.ignore_index if options.ignore_index is not None else header.ignore_index if header else 255
    colors = header.colors if header is not None else spread_colors(len(classes))
    background = _class_id("--background", options.background, tree) if options.background else None
    among = None
    if options.unseen is not None:
        among = tuple(_class_id("--unseen", name.strip(), tree) for name in options.unseen.split(","))
        if len(set(among)) < max(2, len(among)):
            raise UsageError(f"--unseen {options.unseen}: expected at least two classes, each once")
    return Names(tree, void, colors, among, background)


def _few(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:5]) + (f", ... ({len(names)})" if len(names) > 5 else "")


def _class_id(option: str, name: str, tree: ClassTree) -> int:
    classes = tree.names[: tree.classes]
    if name not in classes:
        raise UsageError(f"{option}: no class is called '{name}'; classes are {', '.join(classes)}")
    return classes.index(name)


def ask_network(options: ScoreOptions, names: Names) -> Asked:
    """Load the checkpoint; it answers every measure there is."""
    from hypsegcli.checkpoint.bundled import bundled_checkpoint
    from hypsegcli.checkpoint.store import load_checkpoint
    from hypsegcli.confidence.measures import MEASURES, available, full_scales
    from hypsegcli.inference.build import make_segmenter
    from hypsegcli.inference.dropout import DROPOUT_MEASURES, DropoutSampler
    from hypsegcli.inference.request import Request
    from hypsegcli.scores.sources import NetworkSource

    loaded = load_checkpoint(options.checkpoint or bundled_checkpoint())
    request = Request(
        measures=available(calibrated=loaded.header.calibration is not None),
        among=names.among,
        longest_side=options.longest_side,
        interpolate=options.interpolate,
    )
    segmenter = make_segmenter(
        loaded,
        request,
        engine="torch" if options.mc_dropout else options.engine,
        device=options.device,
        precision=options.precision,
        tile=parse_tile(options.tile),
        tell=say_nothing if options.quiet else talk,
    )
    scales = full_scales(request.measures, max_distance=loaded.header.model.max_distance)
    measures = {name: (MEASURES[name].title, scale) for name, scale in scales.items()}
    sampler = None
    if options.mc_dropout:
        sampler = DropoutSampler(segmenter, passes=options.mc_dropout, rate=options.dropout_rate or DROPOUT_RATE)
        measures |= {name: (title, 1.0) for name, title in DROPOUT_MEASURES.items()}
    source = NetworkSource(segmenter, sampler=sampler, max_pixels=options.max_pixels)
    return Asked(source, measures, (loaded.path, loaded.sha256))


def ask_maps(options: ScoreOptions, pairs: Sequence[Pair], names: Names) -> Asked:
    """Find the folders of planes beside the label maps."""
    from hypsegcli.confidence.measures import MEASURES
    from hypsegcli.scores.sources import StoredSource, none_of, plane_key
    from hypsegcli.truth.check import examine_masks
    from hypsegcli.truth.masks import read_id_map
    from hypsegcli.truth.pairs import labels_folder
    from hypsegcli.truth.stored import find_planes

    folder = options.predictions or Path()
    labels = labels_folder(folder)
    first = pairs[0].labels
    planes = find_planes(
        folder,
        named=_parse_folders("--confidence", options.confidence),
        inverted=_parse_folders("--uncertainty", options.uncertainty),
        key=plane_key(first, labels) if first is not None else "",
        full_scale=options.full_scale,
    )
    probabilities = folder / "probabilities" if (folder / "probabilities").is_dir() else None
    if names.among is not None and probabilities is None:
        raise UsageError(
            "--unseen restricts the answers, which takes probabilities; add them with hypseg predict --save "
            "labels,confidence,probabilities, or run the checkpoint"
        )
    id_map = read_id_map(options.prediction_map) if options.prediction_map else None
    examine_masks(
        [pair.labels for pair in pairs if pair.labels is not None],
        classes=names.tree.classes,
        ignore_index=none_of(names.ignore_index, names.tree.classes),
        id_map=id_map,
        names=names.tree.names[: names.tree.classes],
        kind="label maps",
        option="--prediction-map",
    )
    source = StoredSource(
        planes,
        labels_folder=labels,
        probabilities=probabilities,
        classes=names.tree.classes,
        ignore_index=names.ignore_index,
        id_map=id_map,
        among=names.among,
        max_pixels=options.max_pixels,
    )
    titles = {name: about.title for name, about in MEASURES.items()}
    return Asked(source, {plane.name: (titles.get(plane.name, plane.name), plane.full_scale) for plane in planes}, None)


def _parse_folders(option: str, texts: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or not name or not re.fullmatch(r"[\w. -]+", name):
            raise UsageError(f"{option} {text}: expected NAME=DIR, such as entropy=maps/entropy")
        if name in found:
            raise UsageError(f"{option} {text}: the name {name} is given a second time")
        if not Path(folder).is_dir():
            raise UsageError(f"{option} {text}: {folder} is no folder")
        found[name] = Path(folder)
    return found


def choose_main(measures: Collection[str], wanted: str | None) -> str | None:
    """`--measure`: the measure that an evaluation looks at most; by default the first there is, None without any."""
    if wanted is None:
        return next(iter(measures), None)
    if wanted not in measures:
        known = ", ".join(measures) or "none: no confidence planes were found"
        raise UsageError(f"--measure {wanted}: there is no such measure here; there are {known}")
    return wanted
