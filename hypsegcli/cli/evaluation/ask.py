"""What is asked of an evaluation, gathered from options and from what was opened for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.cli.class_names import ClassNames
from hypsegcli.cli.describe_options import describe_options
from hypsegcli.cli.doubts import kinds_of_known
from hypsegcli.cli.options.computing import Computing
from hypsegcli.cli.options.running import Input
from hypsegcli.cli.options.scoring import Dropout, Scoring, StoredMaps, Truth
from hypsegcli.cli.scored_source import ScoredSource, choose_main
from hypsegcli.errors import UsageError
from hypsegcli.files.words import as_text

if TYPE_CHECKING:
    from hypsegcli.hierarchy.rule import Rule
    from hypsegcli.metrics.records import Match
    from hypsegcli.report.asked import Asked
    from hypsegcli.report.bounds import Bound
    from hypsegcli.scores.tally import Tolerance
    from hypsegcli.truth.masks import IdMap


@dataclass(frozen=True, kw_only=True)
class Options:
    """Those of a command of `hypseg evaluate` that the report tells."""

    images: str | None
    masks: str
    truth: Truth
    stored: StoredMaps
    scoring: Scoring
    dropout: Dropout
    inputs: Input
    computing: Computing
    tolerance: Tolerance
    bounds: Sequence[Bound]


def ask(
    options: Options,
    names: ClassNames,
    scored: ScoredSource,
    *,
    id_map: IdMap | None,
    rule: Rule | None,
    match: Match | None,
) -> Asked:
    """All that decides the report but the images; UsageError for a bound of no score, and for a measure not there."""
    from hypsegcli.metrics.records import CheckpointId
    from hypsegcli.report.asked import Asked
    from hypsegcli.report.assemble import MeasureName

    scoring, stored, dropout = options.scoring, options.stored, options.dropout
    main = choose_main(scored, scoring.measure)
    measures = dict(sorted(scored.measures.items(), key=lambda item: item[0] != main))  # as they are shown
    _refuse_unknown(options.bounds, tuple(measures), names)
    return Asked(
        images=_text(options.images),
        masks=as_text(options.masks),
        predictions=_text(stored.predictions),
        checkpoint=CheckpointId(path=as_text(scored.checkpoint[0]), sha256=scored.checkpoint[1])
        if scored.checkpoint
        else None,
        ignore_index=names.ignore_index,
        unseen=[names.classes[index] for index in names.unseen] if names.unseen else None,
        options=describe_options(
            options.truth,
            stored,
            scoring,
            options.inputs,
            options.computing,
            names,
            rule,
            refine=scored.refine,
            sampling=scored.sampling,
            guide_side=scored.guide_side,
            longest_side=scored.longest_side,
            engine=scored.engine,
            device=scored.device,
        ),
        tree=names.tree,
        colors=names.colors,
        probabilities=scored.probabilities,
        inverted=scored.inverted,
        measures={name: MeasureName(*each) for name, each in measures.items()},
        answer_measures={name: MeasureName(*each) for name, each in scored.answer_measures.items()},
        main=main,
        tolerance=options.tolerance,
        background=names.background,
        rules=scored.rules,
        maps_of_nodes=names.rule,
        id_map=_without_path(id_map),
        prediction_map=_without_path(scored.id_map),
        convention=scoring.convention,
        over=scoring.mean_over,
        replicates=scoring.bootstrap,
        dropout=(dropout.mc_dropout, dropout.rate) if dropout.mc_dropout else None,
        match=match,
        bounds=tuple(options.bounds),
        known=tuple(kinds_of_known(scored.header, scored.measures)),
    )


def _refuse_unknown(bounds: Sequence[Bound], measures: Sequence[str], names: ClassNames) -> None:
    from hypsegcli.report.bounds import unknown_bound

    if unknown := unknown_bound(bounds, measures, names.classes):
        (name, kind, _), known = unknown
        raise UsageError(f"--fail-{kind} {name}: there is no such score; there are {', '.join(known)}")


def _without_path(id_map: IdMap | None) -> IdMap | None:
    """What it says, wherever it stands."""
    if id_map is None or id_map.colors is None:
        return id_map
    return replace(id_map, colors=replace(id_map.colors, origin="", notes=()))


def _text(path: Path | str | None) -> str | None:
    return as_text(path) if path is not None else None
