"""`hypseg evaluate`: label maps and confidence against masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.cli.class_names import ClassNames, decide_class_names
from hypsegcli.cli.console import as_option, error, loading, say, say_nothing, talk, talk_of
from hypsegcli.cli.describe_options import describe_options
from hypsegcli.cli.doubts import contradictions_of, known_images, nodes_in_maps
from hypsegcli.cli.exit_codes import BOUND_MISSED, DONE
from hypsegcli.cli.groups import spread
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.cli.labelled import look_at_masks
from hypsegcli.cli.matched_source import Opened, open_scored, parse_match
from hypsegcli.cli.options.running import OUTPUT, Computing, Input, Overwrite, Quiet, Refine, ShowProfile
from hypsegcli.cli.options.scoring import Classes, Dropout, Scoring, StoredMaps, Truth
from hypsegcli.cli.parse import parse_bounds, parse_rule, parse_tolerance
from hypsegcli.cli.refuse import refuse_contradictions, refuse_scoring, refuse_what_does_nothing
from hypsegcli.cli.scored_source import choose_main
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import PlanError, UsageError, spell
from hypsegcli.files.atomic import refuse_unwritable
from hypsegcli.files.words import as_text, count_of

if TYPE_CHECKING:
    from hypsegcli.checkpoint.bundled import CheckpointFile
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.report.bounds import Bound
    from hypsegcli.scores.evaluation import Evaluation, ImageRow
    from hypsegcli.scores.sources import Source
    from hypsegcli.truth.masks import IdMap
    from hypsegcli.truth.pairs import Pair


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
    profile: ShowProfile = False,
) -> None:
    """Score label maps and their confidence against masks: every number with its convention, in one pass."""
    images, masks = _images_and_masks(paths, stored)
    bounds = parse_bounds(scoring.fail_under or (), scoring.fail_over or ())
    tolerance = parse_tolerance(scoring.tolerance)
    refuse_what_does_nothing(stored, dropout, inputs, computing, refine)
    refuse_contradictions(inputs, computing)
    refuse_scoring(scoring, stored, classes, dropout)
    _refuse_to_replace(out, overwrite=overwrite)
    asked = parse_match(scoring.match)

    with loading(quiet=quiet):
        import numpy as np

        from hypsegcli.cli.show.tables import print_report
        from hypsegcli.metrics.records import CheckpointId, Subject
        from hypsegcli.report.assemble import MeasureName, build_report
        from hypsegcli.report.bounds import missed_bounds
        from hypsegcli.report.files import HTML, REPLICATES, REPORT, ROWS, write_results
        from hypsegcli.scores.evaluation import Evaluation
        from hypsegcli.scores.tally import AnswerScheme, Scheme
        from hypsegcli.truth.masks import read_translation
        from hypsegcli.truth.pairs import pair_files

    pairs = pair_files(
        masks=masks,
        images=images,
        predictions=stored.predictions,
        image_suffix=truth.image_suffix,
        mask_suffix=truth.mask_suffix,
        tell=say_nothing if quiet else talk,
    )
    named, header = _open_checkpoint(inputs, stored, quiet=quiet)
    names = decide_class_names(
        header if asked is None else None,  # which knows clusters
        pairs[0].labels if asked is None else None,
        options=classes,
        scoring=scoring,
        ignore_index=truth.ignore_index,
        translated=stored.prediction_map is not None or stored.prediction_colors is not None,
    )
    id_map = read_translation(truth.id_map, truth.mask_colors, names.classes)
    talk_of(id_map.colors.notes if id_map and id_map.colors else (), quiet=quiet)
    rule = parse_rule(scoring.level, scoring.threshold, names.tree) or names.rule
    doubts = look_at_masks(pairs, names, id_map, asked=truth.ignore_index is not None, quiet=quiet)
    scored, match = open_scored(
        Opened(named, header, tuple(pairs), names, id_map),
        (inputs, computing, dropout, stored),
        rule=rule,
        refine=refine,
        match=asked,
        quiet=quiet,
    )
    main = choose_main(scored, scoring.measure)
    measures = dict(sorted(scored.measures.items(), key=lambda item: item[0] != main))  # as they are shown
    _refuse_unknown(bounds, measures, names)
    evaluation = Evaluation(
        Scheme(
            names.tree.classes,
            tuple(measures),
            tolerance,
            names.background,
            main,
            AnswerScheme(names.tree, scored.rules, tuple(scored.answer_measures)) if rule is not None else None,
        ),
        replicates=scoring.bootstrap,
        palette=np.asarray(names.colors, np.uint8) if out is not None else None,
    )
    rows = _score(pairs, scored.source, evaluation, names, id_map, computing.threads, profile=profile, quiet=quiet)
    doubts = [
        *names.doubts,
        *doubts,
        *([scored.without] if scored.without is not None else []),
        *scored.doubts(),
        *contradictions_of(evaluation, scored.source, names, id_map, stored=stored.predictions is not None),
        *known_images(scored.header, evaluation.marks, measures=measures),
        *nodes_in_maps(names.rule),
    ]
    warnings = [spell(sentence, as_option) for sentence in doubts]
    built = build_report(
        evaluation,
        subject=Subject(
            images=_text(images),
            masks=_text(masks) or "",
            predictions=_text(stored.predictions),
            checkpoint=CheckpointId(path=as_text(scored.checkpoint[0]), sha256=scored.checkpoint[1])
            if scored.checkpoint
            else None,
            keys_sha256=evaluation.keys_sha256,
            masks_sha256=evaluation.masks_sha256,
            images_sha256=evaluation.images_sha256,
            ignore_index=names.ignore_index,
            unseen=[names.classes[index] for index in names.unseen] if names.unseen else None,
            options=describe_options(
                truth,
                stored,
                scoring,
                inputs,
                computing,
                names,
                rule,
                refine=scored.refine,
                sampling=scored.sampling,
                guide_side=scored.guide_side,
                longest_side=scored.longest_side,
                engine=scored.engine,
                device=scored.device,
            ),
        ),
        tree=names.tree,
        measures={name: MeasureName(*each) for name, each in {**measures, **scored.answer_measures}.items()},
        convention=scoring.convention,
        over=scoring.mean_over,
        dropout=(dropout.mc_dropout, dropout.rate) if dropout.mc_dropout else None,
        warnings=warnings,
        match=match,
    )
    if out is not None:  # before the table: whoever reads that may go away, or its disk be full
        try:
            write_results(out, built, evaluation, rows, names.colors, replace=overwrite)
        except (OSError, PlanError):  # full, or another evaluation's by now
            print_report(built.report)  # so that the scores are at least on the screen
            raise
    print_report(built.report)
    if out is not None:
        written = ", ".join((REPORT, HTML, ROWS, REPLICATES))
        say(f"{count_of(built.report.images, 'image')}: {written} in {out}")
    for sentence in warnings:  # last, and --quiet or not: nobody is to take these numbers for what was meant
        error(sentence)
    missed = missed_bounds(built.report, bounds)
    for sentence in missed:
        error(sentence)
    raise typer.Exit(BOUND_MISSED if missed else DONE)


def _images_and_masks(paths: Sequence[str], stored: StoredMaps) -> tuple[str | None, str]:
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


def _refuse_to_replace(out: Path | None, *, overwrite: bool) -> None:
    from hypsegcli.files.books import refuse_in_a_run
    from hypsegcli.report.files import refuse_earlier

    if out is None:
        return
    refuse_in_a_run(out, "a report")
    refuse_unwritable(out)
    if not overwrite:
        refuse_earlier(out)


def _refuse_unknown(bounds: Sequence[Bound], measures: Iterable[str], names: ClassNames) -> None:
    from hypsegcli.report.bounds import unknown_bound

    if unknown := unknown_bound(bounds, tuple(measures), names.classes):
        (name, kind, _), known = unknown
        raise UsageError(f"--fail-{kind} {name}: there is no such score; there are {', '.join(known)}")


def _score(
    pairs: Sequence[Pair],
    source: Source,
    evaluation: Evaluation,
    names: ClassNames,
    id_map: IdMap | None,
    workers: int,
    *,
    profile: bool,
    quiet: bool,
) -> list[ImageRow]:
    """Score every pair and show how far it is; the rows of per_image.csv."""
    from hypsegcli.cli.show.profile import print_profile
    from hypsegcli.run.profile import Profile
    from hypsegcli.scores.evaluation import evaluate as score

    rows: list[ImageRow] = []
    clock = Profile(workers)
    scoring = score(
        pairs,
        source,
        evaluation,
        ignore_index=names.ignore_index,
        workers=workers,
        id_map=id_map,
        only=names.unseen,
    )
    saved = saying_what_is_saved(
        lambda: f"{len(rows)} of {count_of(len(pairs), 'image')} were scored, and nothing is written of a part"
    )
    with saved, progress_for(len(pairs), quiet=quiet) as progress, closing(scoring) as scored:
        for row in scored:
            rows.append(row)
            progress.advance()
    talk_of(source.notes(), quiet=quiet)
    if profile:
        clock.stop()
        clock.add(evaluation.seconds, images=len(rows))
        print_profile(clock)
    return rows


def _text(path: Path | str | None) -> str | None:
    return as_text(path) if path is not None else None
