"""`hypseg evaluate`: label maps and confidence against masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.cli.class_names import decide_class_names
from hypsegcli.cli.console import loading, say_nothing, talk
from hypsegcli.cli.exit_codes import DONE
from hypsegcli.cli.groups import spread
from hypsegcli.cli.labelled import look_at_masks, translate
from hypsegcli.cli.matched_source import Opened, open_scored, parse_match
from hypsegcli.cli.options.computing import Computing, ShardText, ShowProfile
from hypsegcli.cli.options.running import OUTPUT, Input, Overwrite, Quiet, Refine
from hypsegcli.cli.options.scoring import Classes, Dropout, Scoring, StoredMaps, Truth
from hypsegcli.cli.parse import parse_bounds, parse_rule, parse_tolerance
from hypsegcli.cli.refuse import refuse_contradictions, refuse_scoring, refuse_what_does_nothing
from hypsegcli.errors import UsageError
from hypsegcli.files.atomic import refuse_unwritable
from hypsegcli.files.place import locate, refuse_address

if TYPE_CHECKING:
    from hypsegcli.checkpoint.bundled import CheckpointFile
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.files.shard import Shard


@spread
def evaluate(
    *,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="[IMAGES] MASKS",
            help="Folder, file, quoted glob or @list.txt of images, and of their masks. With --predictions, IMAGES may "
            "be left out; they then only illustrate the report.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for report.json, report.html, per_image.csv and replicates.npz.",
            show_default="print the table only",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    truth: Truth,
    classes: Classes,
    stored: StoredMaps,
    scoring: Scoring,
    dropout: Dropout,
    inputs: Input,
    refine: Refine = None,
    computing: Computing,
    shard: ShardText = None,
    profile: ShowProfile = False,
) -> None:
    """Score label maps and their confidence against masks: every number with its convention, in one pass."""
    from hypsegcli.cli.evaluation.ask import Options, ask
    from hypsegcli.cli.evaluation.finish import finish_evaluation
    from hypsegcli.cli.evaluation.score import score_pairs
    from hypsegcli.cli.evaluation.shard import holding_shard, parse_part

    images, masks = _images_and_masks(paths, stored)
    part_of = parse_part(shard, out)
    bounds = parse_bounds(scoring.fail_under or (), scoring.fail_over or ())
    tolerance = parse_tolerance(scoring.tolerance)
    refuse_what_does_nothing(stored, dropout, inputs, computing, refine)
    refuse_contradictions(inputs, computing)
    refuse_scoring(scoring, stored, classes, dropout)
    out = _place_to_write(out, part_of, overwrite=overwrite)
    matched = parse_match(scoring.match)

    with loading(quiet=quiet):
        from hypsegcli.truth.pairs import pair_files

    pairs = pair_files(
        masks=masks,
        images=images,
        predictions=stored.predictions,
        image_suffix=truth.image_suffix,
        mask_suffix=truth.mask_suffix,
        with_empty=bool(truth.unlabelled),
        tell=say_nothing if quiet else talk,
    )
    named, header = _open_checkpoint(inputs, stored, quiet=quiet)
    names = decide_class_names(
        header if matched is None else None,  # which knows clusters
        pairs[0].labels if matched is None else None,
        options=classes,
        scoring=scoring,
        ignore_index=truth.ignore_index,
        translated=stored.prediction_map is not None or stored.prediction_colors is not None,
    )
    pairs, id_map = translate(pairs, names.classes, truth, quiet=quiet)
    rule = parse_rule(scoring.level, scoring.threshold, names.tree) or names.rule
    odd = look_at_masks(pairs, names, id_map, asked=truth.ignore_index is not None, quiet=quiet)
    scored, match = open_scored(
        Opened(named, header, tuple(pairs), names, id_map),
        (inputs, computing, dropout, stored),
        rule=rule,
        refine=refine,
        match=matched,
        quiet=quiet,
    )
    options = Options(
        images=images,
        masks=masks,
        truth=truth,
        stored=stored,
        scoring=scoring,
        dropout=dropout,
        inputs=inputs,
        computing=computing,
        tolerance=tolerance,
        bounds=bounds,
    )
    asked = ask(options, names, scored, id_map=id_map, rule=rule, match=match)
    with holding_shard(part_of, out, asked, pairs, scored.maps, overwrite=overwrite) as leave:
        part = score_pairs(
            pairs if part_of is None else part_of.take(pairs),
            scored,
            asked,
            only=names.unseen,
            id_map=id_map,
            doubts=(*names.doubts, *odd, *([] if scored.without is None else [scored.without]), *scored.doubts),
            workers=computing.threads,
            strips=out is not None,
            profile=profile,
            quiet=quiet,
        )
        if leave is not None:
            leave(part)
            raise typer.Exit(DONE)
    raise typer.Exit(finish_evaluation(part, out, replace=overwrite))


def _images_and_masks(paths: Sequence[str], stored: StoredMaps) -> tuple[str | None, str]:
    if stored.predictions is not None:
        refuse_address(stored.predictions)
    if len(paths) == 2:
        return paths[0], paths[1]
    if len(paths) == 1 and stored.predictions is not None:
        return None, paths[0]
    raise UsageError(
        "give the images and their masks: hypseg evaluate IMAGES MASKS; or label maps that lie in a folder: "
        "hypseg evaluate --predictions DIR MASKS"
    )


def _open_checkpoint(inputs: Input, stored: StoredMaps, *, quiet: bool) -> tuple[CheckpointFile | None, Header | None]:
    """The checkpoint that runs, or whose classes stored maps have, and its header; None where no maps' is named."""
    from hypsegcli.cli.checkpoint_in import read_named

    if stored.predictions is not None and inputs.checkpoint is None:
        return None, None
    return read_named(inputs.checkpoint, quiet=quiet)


def _place_to_write(out: Path | None, shard: Shard | None, *, overwrite: bool) -> Path | None:
    """The folder that was named; PlanError where no report can be written there."""
    from hypsegcli.files.books import refuse_in_a_run
    from hypsegcli.report.files import refuse_earlier, refuse_unmerged

    if out is None:
        return None
    if shard is not None:
        refuse_address(out)
    out = locate(out)
    refuse_in_a_run(out, "a report")
    refuse_unwritable(out)
    if not overwrite:
        refuse_earlier(out)
        if shard is None:
            refuse_unmerged(out)
    return out
