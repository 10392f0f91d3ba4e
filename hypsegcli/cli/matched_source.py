"""`hypseg evaluate --match`: what is scored answers with clusters, which are matched with the masks' classes first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from hypsegcli.cli.class_names import ClassNames, decide_class_names
from hypsegcli.cli.console import talk
from hypsegcli.cli.options.computing import Computing
from hypsegcli.cli.options.running import Input
from hypsegcli.cli.options.scoring import Classes, Dropout, Scoring, StoredMaps
from hypsegcli.cli.scored_source import ScoredSource, open_maps, open_network
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import UsageError
from hypsegcli.files.words import as_text, count_of

if TYPE_CHECKING:
    from hypsegcli.checkpoint.bundled import CheckpointFile
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.hierarchy.rule import Rule
    from hypsegcli.inference.request import Refinement
    from hypsegcli.metrics.records import Match
    from hypsegcli.scores.matching import Method
    from hypsegcli.truth.masks import IdMap
    from hypsegcli.truth.pairs import Pair

METHODS = ("hungarian", "majority")
_LARGEST = 65_534  # id of a cluster in a label map
_VOID = 255  # id of no cluster in label maps that do not say another, and have no larger ids


def parse_match(text: str | None) -> Method | Match | None:
    """`--match`: a method, or a report.json, or the folder that it lies in, of an evaluation that was matched."""
    if text is None:
        return None
    if text in METHODS:
        return cast("Method", text)
    from hypsegcli.metrics.report_file import read_report
    from hypsegcli.report.files import REPORT

    path = Path(text)
    if not path.exists():
        raise UsageError(
            f"--match {text}: expected {' or '.join(METHODS)}, or the folder of an evaluation that was matched"
        )
    match = read_report(path / REPORT if path.is_dir() else path).match
    if match is None:
        raise UsageError(f"--match {text}: nothing was matched in that evaluation; evaluate with --match majority")
    return match.model_copy(update={"made_by": match.made_by or as_text(path)})


class Opened(NamedTuple):
    """What is known before anything is predicted."""

    named: CheckpointFile | None
    header: Header | None  # of the checkpoint that runs, or whose classes label maps have
    pairs: tuple[Pair, ...]
    names: ClassNames  # of the masks
    id_map: IdMap | None  # from the masks' values to class ids


def open_scored(
    opened: Opened,
    options: tuple[Input, Computing, Dropout, StoredMaps],
    *,
    rule: Rule | None,
    refine: Refinement | None,
    match: Method | Match | None,
    quiet: bool,
) -> tuple[ScoredSource, Match | None]:
    """The source of what is scored, a network or stored maps, and by what its clusters are taken for classes.

    Where these images decide that, all of them are predicted once more for it. Raises UsageError for an earlier match
    of other clusters or classes, and for label maps that do not hold clusters.
    """
    inputs, computing, dropout, stored = options
    named, header, pairs, names, id_map = opened
    answered = names if match is None else _name_clusters(header, pairs, match)
    scored = (
        open_network(named, inputs, computing, dropout, answered, rule=rule, refine=refine, header=header, quiet=quiet)
        if stored.predictions is None
        else open_maps(
            stored.predictions, stored, pairs, answered, max_pixels=inputs.max_pixels, clusters=match is not None
        )
    )
    if match is None:
        return scored, None
    from hypsegcli.scores import matching

    K, C = len(answered.classes), len(names.classes)
    checkpoint = scored.checkpoint[1] if scored.checkpoint is not None else _checkpoint_of(pairs[0].labels)
    if isinstance(match, str):
        matching.refuse_method(K, C, match)
        if not quiet:
            talk(f"matching {count_of(K, 'cluster')} with {C} classes first")
        with progress_for(len(pairs), quiet=quiet) as progress:
            counts = matching.count_clusters(
                pairs,
                scored.source,
                clusters=K,
                classes=C,
                ignore_index=names.ignore_index,
                workers=computing.threads,
                id_map=id_map,
                counted=progress.advance,
            )
        table = matching.match_clusters(counts, match)
        match = matching.describe_match(
            counts,
            table,
            match,
            clusters=answered.classes,
            classes=names.classes,
            images=len(pairs),
            checkpoint=checkpoint,
        )
    else:
        table = matching.table_of(match, clusters=answered.classes, classes=names.classes, checkpoint=checkpoint)
    source = matching.ClusterSource(scored.source, clusters=K, classes=C, table=table)
    return scored._replace(source=source, probabilities=False), match  # those of clusters are not of classes


def _name_clusters(header: Header | None, pairs: Sequence[Pair], match: Method | Match) -> ClassNames:
    """The clusters as if they were classes: the checkpoint's, the label maps' own, or as many as these have ids.

    What means void in the masks says nothing of them.
    """
    from hypsegcli.hierarchy.tree import flat_tree
    from hypsegcli.images.metadata import read_metadata
    from hypsegcli.pictures.palette import spread_colors
    from hypsegcli.truth.map_kinds import refuse_kind

    first = pairs[0].labels
    own = read_metadata(first) if first is not None else None
    if first is not None:
        refuse_kind(first, own, as_ids=True)
    if header is None and (own is None or own.names is None):
        count = _count_ids([pair.labels for pair in pairs if pair.labels is not None], none=_VOID)
        if not isinstance(match, str):  # these images need not show all
            count = max(count, len(match.clusters))
        tree = flat_tree([f"cluster {index}" for index in range(count)])
        return ClassNames(tree, _VOID, spread_colors(count), None, None)
    clusters = decide_class_names(
        header, first, options=Classes(), scoring=Scoring(), ignore_index=None, translated=False, clusters=True
    )
    if clusters.rule is not None:
        raise UsageError(f"--match: {first} holds nodes of a class tree, and no clusters; leave it out")
    return clusters


def _checkpoint_of(label_map: Path | None) -> str | None:
    """The SHA-256 of the network that made a label map, where that says so."""
    from hypsegcli.images.metadata import read_metadata

    own = read_metadata(label_map) if label_map is not None else None
    return None if own is None else own.checkpoint


def _count_ids(maps: Sequence[Path], *, none: int) -> int:
    """One more than the largest id in label maps that name none, `none` left out; DataError for too large ones."""
    from hypsegcli.truth.masks import decode_ids

    largest = 0
    for path in maps:
        values = decode_ids(path)
        ids = values[values != none]
        largest = max(largest, int(ids.max()) if ids.size else 0)
        if ids.size and (ids.min() < 0 or largest > _LARGEST):
            raise UsageError(f"{path}: holds ids below 0 or above {_LARGEST}, which are no clusters")
    return max(2, largest + 1)
