"""What `hypseg evaluate` scores: a network that runs, or maps in folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypsegcli.cli.class_names import ClassNames
from hypsegcli.cli.doubts import mixed_refinements
from hypsegcli.cli.options.computing import Computing
from hypsegcli.cli.options.running import Input
from hypsegcli.cli.options.scoring import Dropout, StoredMaps
from hypsegcli.cli.parse import parse_folders, parse_sides
from hypsegcli.cli.segmenter import open_segmenter
from hypsegcli.errors import UsageError
from hypsegcli.hierarchy.rule import Rule, rules_beside

if TYPE_CHECKING:
    from hypsegcli.checkpoint.bundled import CheckpointFile
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.inference.request import Refinement
    from hypsegcli.scores.sources import Source
    from hypsegcli.truth.masks import IdMap
    from hypsegcli.truth.pairs import Pair
    from hypsegcli.truth.plane_order import Agreement


class ScoredSource(NamedTuple):
    """A source of predictions, and the measures of confidence that it gives."""

    source: Source
    measures: Mapping[str, tuple[str, float]]  # title and full scale; of the classes that are answered
    checkpoint: tuple[str, str] | None  # its path, or the address that it was fetched from, and its sha256
    refine: str | None = None  # what class probabilities were made to follow
    sampling: str | None = None  # of images that were shrunk for the network; None: nobody knows
    guide_side: int | None = None  # of the pass that guided it, in pixels
    longest_side: int | None = None  # to which images were shrunk for the network, in pixels
    header: Header | None = None  # of the network's checkpoint
    rules: tuple[Rule, ...] = ()  # by which nodes of the tree are answered
    answer_measures: Mapping[str, tuple[str, float]] = {}  # as above, of the answers by the first of them
    doubts: tuple[str, ...] = ()  # sentences on the predictions, before they are scored
    agreement: Agreement | None = None  # of stored labels and probabilities, as they are scored
    inverted: tuple[str, ...] = ()  # measures whose stored planes hold uncertainty
    probabilities: bool = True  # whether those of classes are scored too
    maps: Mapping[Path, str] = {}  # all that are stored, each with what the books of its run say of where it is from
    changed: Callable[[], Sequence[str]] = list  # sentences on stored maps, once they are scored
    id_map: IdMap | None = None  # of label maps
    engine: str | None = None  # that ran the network, and where
    device: str | None = None
    without: str | None = None  # a sentence on the measure that is not to be had as the options are


def open_network(
    named: CheckpointFile | None,
    inputs: Input,
    computing: Computing,
    dropout: Dropout,
    names: ClassNames,
    *,
    rule: Rule | None,
    refine: Refinement | None,
    header: Header | None,
    quiet: bool,
) -> ScoredSource:
    """Load the checkpoint, whose header gave the names.

    It gives every measure there is, and with a rule answers by that and by all others.
    """
    from hypsegcli.checkpoint.store import load_checkpoint
    from hypsegcli.confidence.measures import MEASURES, available, full_scales, of_another_precision, of_another_way
    from hypsegcli.inference.dropout import DROPOUT_MEASURES, DropoutSampler
    from hypsegcli.inference.guide import of_another_sampling
    from hypsegcli.inference.request import Request
    from hypsegcli.scores.sources import NetworkSource

    assert named is not None  # only maps have none
    loaded = load_checkpoint(named.path, header=header, source=named.source)
    side, guide = parse_sides(inputs, computing, loaded.header)
    fitted = loaded.header.calibrated_when(inputs.sampling)
    request = Request(
        measures=available(calibrated=fitted == inputs.interpolate),
        among=names.unseen,
        longest_side=side,
        sampling=inputs.sampling,
        guide_side=guide,
        interpolate=inputs.interpolate,
        refine=refine,
        rules=() if rule is None else rules_beside(rule, loaded.header.tree),
    )
    if dropout.mc_dropout:
        computing = replace(computing, engine="torch")
    segmenter = open_segmenter(loaded, request, computing, quiet=quiet)
    scales = full_scales(request.measures, max_distance=loaded.header.model.max_distance)
    measures = {name: (MEASURES[name].title, scale) for name, scale in scales.items()}
    of_answers = measures if rule is not None else {}
    sampler = None
    if dropout.mc_dropout:
        sampler = DropoutSampler(segmenter, passes=dropout.mc_dropout, rate=dropout.rate)
        measures |= {name: (title, 1.0) for name, title in DROPOUT_MEASURES.items()}
    source = NetworkSource(segmenter, sampler=sampler, max_pixels=inputs.max_pixels)
    another = of_another_precision(loaded.header.calibrated_in_int8, segmenter.engine.device.precision)
    return ScoredSource(
        source,
        measures,
        (loaded.origin, loaded.sha256),
        refine=request.refine,
        sampling=request.sampling,
        guide_side=request.guide_side,
        longest_side=request.longest_side,
        header=loaded.header,
        rules=request.rules,
        answer_measures=of_answers,
        doubts=(another,) if another is not None and "calibrated" in measures else (),
        engine=segmenter.engine.label,
        device=segmenter.engine.device.label,
        without=of_another_sampling(loaded.header, inputs.sampling) or of_another_way(fitted, inputs.interpolate),
    )


def open_maps(
    predictions: Path,
    stored: StoredMaps,
    pairs: Sequence[Pair],
    names: ClassNames,
    *,
    max_pixels: int,
    clusters: bool = False,
) -> ScoredSource:
    """Find the folders of planes beside the label maps in the folder `predictions`, and look at all label maps.

    `clusters`: their ids are not taken for classes yet.
    """
    from hypsegcli.confidence.measures import MEASURES
    from hypsegcli.images.metadata import read_metadata
    from hypsegcli.products.product import ROOT_NAME
    from hypsegcli.run.doubts import doubt_maps, origins_of
    from hypsegcli.scores.sources import StoredSource, none_of, plane_key
    from hypsegcli.truth.check import examine_masks
    from hypsegcli.truth.diagnose import LABEL_MAPS
    from hypsegcli.truth.map_kinds import check_alike, void_in
    from hypsegcli.truth.masks import IdMap, read_translation
    from hypsegcli.truth.pairs import labels_folder
    from hypsegcli.truth.stored import stored_files
    from hypsegcli.truth.stored_planes import find_planes

    labels = labels_folder(predictions)
    first = pairs[0].labels
    maps = [pair.labels for pair in pairs if pair.labels is not None]
    planes = find_planes(
        predictions,
        named=parse_folders("--confidence", stored.confidence or ()),
        inverted=parse_folders("--uncertainty", stored.uncertainty or ()),
        key=plane_key(first, labels) if first is not None else "",
        full_scale=stored.full_scale,
    )
    probabilities = predictions / "probabilities" if (predictions / "probabilities").is_dir() else None
    if names.unseen is not None and probabilities is None:
        raise UsageError(
            "--unseen restricts the answers, which takes probabilities; add them with hypseg predict --save "
            "labels,confidence,probabilities, or run the checkpoint"
        )
    if names.unseen is not None and names.rule is not None:
        raise UsageError(
            "--unseen restricts answers to some classes, but these label maps hold other nodes of the tree"
        )
    beside = [plane.folder for plane in planes] + ([probabilities] if probabilities is not None else [])
    scored = [*maps, *(path for one in maps for path in stored_files(beside, plane_key(one, labels)))]
    # Before the first of them is read: a run may replace them at any moment from here on.
    origins = origins_of(scored)
    given = read_translation(stored.prediction_map, stored.prediction_colors, names.classes, wording=LABEL_MAPS)
    id_map, changes, void = given, given.changes if given else (), void_in(maps)
    if any(source == void and target is not None for source, target in changes):
        void = None  # whoever leads it to a class means that
    if void is not None:
        id_map = replace(given or IdMap(()), changes=(*changes, (void, None)))
    nodes = names.tree.nodes
    survey = examine_masks(
        maps,
        # Undecided, the id after the nodes, may be all that a map holds.
        classes=names.tree.classes if names.rule is None else nodes + 1,
        ignore_index=none_of(names.ignore_index, names.tree.classes) if names.rule is None else -1,
        id_map=id_map,
        names=names.classes if names.rule is None else (*names.tree.names, ROOT_NAME),
        wording=LABEL_MAPS,
    )
    refined = check_alike(maps, as_ids=clusters or given is not None)
    for plane in planes:
        check_alike(path for one in maps for path in stored_files([plane.folder], plane_key(one, labels)))

    source = StoredSource(
        planes,
        labels_folder=labels,
        probabilities=probabilities,
        classes=names.tree.classes,
        ignore_index=names.ignore_index,
        id_map=replace(id_map or IdMap(()), by_data=False),
        among=names.unseen,
        max_pixels=max_pixels,
        nodes=None if names.rule is None else nodes,
        void=void,
    )

    titles = {name: measure.title for name, measure in MEASURES.items()}
    measures = {plane.name: (titles.get(plane.name, plane.name), plane.full_scale) for plane in planes}
    refine = " and ".join(sorted(each or "nothing" for each in refined)) if any(refined) else None
    own = read_metadata(first) if first is not None else None
    sampling = None if own is None else own.sampling
    found = ScoredSource(
        source,
        measures,
        None,
        refine,
        sampling,
        doubts=tuple(filter(None, (survey.unlisted, survey.interpolated, *survey.unlike, mixed_refinements(refined)))),
        agreement=source.agreement,
        inverted=tuple(plane.name for plane in planes if plane.inverted),
        probabilities=probabilities is not None,
        maps={path: f"{origin.recipe} {origin.sha256}" if (origin := origins.get(path)) else "" for path in scored},
        changed=partial(doubt_maps, scored, origins),
        id_map=given,
    )
    if names.rule is None:
        return found
    # The planes speak of the nodes.
    return found._replace(measures={}, rules=(names.rule,), answer_measures=measures)


def choose_main(scored: ScoredSource, wanted: str | None) -> str | None:
    """`--measure`: the measure that an evaluation looks at most; by default the first there is, None without any."""
    measures = scored.measures
    if wanted is None:
        return next(iter(measures), None)
    if wanted == "calibrated" and scored.without is not None:
        raise UsageError(f"--measure {wanted}: {scored.without}, or name another measure")
    if wanted not in measures:
        known = ", ".join(measures) or "none: no confidence planes were found"
        raise UsageError(f"--measure {wanted}: there is no such measure here; there are {known}")
    return wanted
