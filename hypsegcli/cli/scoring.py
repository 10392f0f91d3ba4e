"""What `hypseg evaluate` does with its options: find files and names, score, print, write, judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hypsegcli.cli.answers import DROPOUT_RATE, Asked, Names, ask_maps, ask_network, choose_main, header_of, names_of
from hypsegcli.cli.console import error, say, talk
from hypsegcli.cli.parse import parse_tile
from hypsegcli.cli.show.profile import print_profile
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import PlanError, UsageError
from hypsegcli.files.ahead import default_workers
from hypsegcli.files.atomic import refuse_unwritable
from hypsegcli.files.words import count_of
from hypsegcli.report.files import HTML, REPLICATES, REPORT, ROWS, write_results
from hypsegcli.run.profile import Profile

if TYPE_CHECKING:
    from hypsegcli.inference.engines.choose import EngineName
    from hypsegcli.report.bounds import Bound
    from hypsegcli.scores.evaluation import Evaluation, ImageRow
    from hypsegcli.scores.records import Subject
    from hypsegcli.scores.sources import Source
    from hypsegcli.scores.tally import Tolerance
    from hypsegcli.truth.masks import IdMap
    from hypsegcli.truth.pairs import Pair


_LARGEST_TOLERANCE, _LARGEST_SHARE = 200, 5  # pixels, percent: edges farther apart are no longer the same
_MANY = 200  # masks, from which a look at all of them takes seconds


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """Options of an evaluation, as the command line gave them."""

    paths: Sequence[str]
    out: Path | None
    predictions: Path | None
    checkpoint: Path | None
    confidence: Sequence[str]
    uncertainty: Sequence[str]
    full_scale: float
    classes: Path | None
    tree: Path | None
    ignore_index: int | None
    id_map: Path | None
    prediction_map: Path | None
    image_suffix: str
    mask_suffix: str
    convention: str
    over: Literal["present", "all"]
    unseen: str | None
    measure: str | None
    tolerance: str
    background: str | None
    bootstrap: int
    fail_under: Sequence[str]
    fail_over: Sequence[str]
    mc_dropout: int
    dropout_rate: float | None
    interpolate: Literal["scalar", "points"]
    longest_side: int | None
    max_pixels: int
    engine: EngineName
    device: str
    precision: Literal["auto", "fp32", "bf16"]
    tile: str
    workers: int | None
    profile: bool
    overwrite: bool
    quiet: bool


def score(options: ScoreOptions) -> int:
    """Evaluate; returns the exit code."""
    images, masks = _paths(options)
    bounds = parse_bounds(options.fail_under, options.fail_over)
    tolerance = parse_tolerance(options.tolerance)
    _refuse_what_would_do_nothing(options)
    _check_out(options)

    from hypsegcli.report.bounds import missed_bounds, unknown_bound
    from hypsegcli.truth.check import examine_masks
    from hypsegcli.truth.masks import read_id_map
    from hypsegcli.truth.pairs import pair_files

    pairs = pair_files(
        masks=masks,
        images=images,
        predictions=options.predictions,
        image_suffix=options.image_suffix,
        mask_suffix=options.mask_suffix,
    )
    header = header_of(options)
    names = names_of(options, header, pairs)
    id_map = read_id_map(options.id_map) if options.id_map else None
    if len(pairs) > _MANY and not options.quiet:
        talk(f"looking at {len(pairs)} masks first")
    examine_masks(
        [pair.mask for pair in pairs],
        classes=names.tree.classes,
        ignore_index=names.ignore_index,
        id_map=id_map,
        names=names.tree.names[: names.tree.classes],
    )
    asked = ask_maps(options, pairs, names) if options.predictions else ask_network(options, names)
    main = choose_main(asked.measures, options.measure)
    measures = dict(sorted(asked.measures.items(), key=lambda item: item[0] != main))  # as they are shown
    if unknown := unknown_bound(bounds, tuple(measures), names.tree.names[: names.tree.classes]):
        (name, kind, _), known = unknown
        raise UsageError(f"--fail-{kind} {name}: there is no such score; there are {', '.join(known)}")
    evaluation, rows = _run(options, pairs, names, asked.source, tuple(measures), main, tolerance, id_map)

    from hypsegcli.report import assemble as build

    built = build.build_report(
        evaluation,
        subject=subject_of(options, images, masks, names, asked, evaluation),
        tree=names.tree,
        measures={name: build.MeasureName(*about) for name, about in measures.items()},
        convention=options.convention,
        over=options.over,
        dropout=(options.mc_dropout, options.dropout_rate or DROPOUT_RATE) if options.mc_dropout else None,
    )
    from hypsegcli.cli.show.tables import print_report

    print_report(built.report)
    if options.out is not None:  # after the table: should the disk be full, the scores are at least on the screen
        write_results(options.out, built, evaluation, rows, names.colors)
        written = ", ".join((REPORT, HTML, ROWS, REPLICATES))
        say(f"{count_of(built.report.images, 'image')}: {written} in {options.out}")
    missed = missed_bounds(built.report, bounds)
    for sentence in missed:
        error(sentence)
    return 4 if missed else 0


def parse_bounds(fail_under: Sequence[str], fail_over: Sequence[str]) -> list[Bound]:
    """The bounds in texts such as `miou=0.5`."""
    from hypsegcli.report.bounds import Bound

    kinds: dict[Literal["under", "over"], Sequence[str]] = {"under": fail_under, "over": fail_over}
    bounds = []
    for kind, texts in kinds.items():
        for text in texts:
            name, equals, number = text.rpartition("=")
            try:
                value = float(number)
            except ValueError:
                value = math.nan
            if not equals or math.isnan(value):
                raise UsageError(f"--fail-{kind} {text}: expected NAME=VALUE, such as miou=0.5")
            bounds.append(Bound(name, kind, value))
    return bounds


def parse_tolerance(text: str) -> Tolerance:
    """`--tolerance`: `3` pixels, or `0.5%` of the diagonal."""
    from hypsegcli.scores.tally import Tolerance

    number, percent = text.removesuffix("%").strip(), text.endswith("%")
    try:
        amount = float(number)
    except ValueError:
        amount = math.nan
    if not (0 < amount <= _LARGEST_SHARE if percent else amount in range(1, _LARGEST_TOLERANCE + 1)):
        raise UsageError(
            f"--tolerance {text}: expected whole pixels up to {_LARGEST_TOLERANCE}, such as 3, or a share of the "
            f"diagonal up to {_LARGEST_SHARE}%, such as 0.5%"
        )
    return Tolerance(amount / 100 if percent else amount, percent)


def _paths(options: ScoreOptions) -> tuple[str | None, str]:
    if len(options.paths) == 2:
        return options.paths[0], options.paths[1]
    if len(options.paths) == 1 and options.predictions is not None:
        return None, options.paths[0]
    raise UsageError(
        "give the images and their masks: hypseg evaluate IMAGES MASKS; or label maps that lie in a folder: "
        "hypseg evaluate --predictions DIR MASKS"
    )


def _refuse_what_would_do_nothing(options: ScoreOptions) -> None:
    if options.predictions is None:
        given = {
            "--confidence": options.confidence,
            "--uncertainty": options.uncertainty,
            "--prediction-map": options.prediction_map,
            "--full-scale": options.full_scale != 1.0,
        }
        if idle := [name for name, value in given.items() if value]:
            raise UsageError(f"{idle[0]} is about maps that were written before; name them with --predictions")
    else:
        asked_of_network = {
            "--mc-dropout": options.mc_dropout,
            "--longest-side": options.longest_side,
            "--engine": options.engine != "auto",
            "--device": options.device != "auto",
            "--precision": options.precision != "auto",
            "--tile": options.tile != "auto",
            "--interpolate": options.interpolate != "scalar",
        }
        if idle := [name for name, value in asked_of_network.items() if value]:
            raise UsageError(f"{idle[0]} needs a network that runs, --predictions runs none; leave one of them out")
    if options.mc_dropout and options.engine not in {"auto", "torch"}:
        raise UsageError("--mc-dropout runs in torch, and so must what it is compared with; leave out --engine")
    if options.dropout_rate is not None and not options.mc_dropout:
        raise UsageError("--dropout-rate belongs to --mc-dropout; add that, or leave it out")
    if options.longest_side is not None and options.tile not in {"auto", "off"}:
        raise UsageError("--longest-side makes images small enough to go in whole; leave out --tile")
    parse_tile(options.tile)


def _check_out(options: ScoreOptions) -> None:
    if options.out is None:
        return
    refuse_unwritable(options.out)
    if options.overwrite:
        return
    if taken := [name for name in (REPORT, HTML, ROWS, REPLICATES) if (options.out / name).exists()]:
        raise PlanError(
            f"{options.out}: holds {taken[0]} already; replace it with --overwrite, or choose another --out"
        )


def _run(
    options: ScoreOptions,
    pairs: Sequence[Pair],
    names: Names,
    source: Source,
    measures: tuple[str, ...],
    main: str | None,
    tolerance: Tolerance,
    id_map: IdMap | None,
) -> tuple[Evaluation, list[ImageRow]]:
    import numpy as np

    from hypsegcli.scores.evaluation import Evaluation, evaluate
    from hypsegcli.scores.tally import Scheme

    scheme = Scheme(names.tree.classes, measures, tolerance, names.background, main)
    palette = np.asarray(names.colors, np.uint8) if options.out is not None else None
    evaluation = Evaluation(scheme, replicates=options.bootstrap, palette=palette)
    rows = []
    workers = default_workers() if options.workers is None else options.workers
    profile = Profile(workers)
    scoring = evaluate(
        pairs,
        source,
        evaluation,
        ignore_index=names.ignore_index,
        workers=workers,
        id_map=id_map,
        only=names.among,
    )
    with progress_for(len(pairs), quiet=options.quiet) as progress, closing(scoring) as scored:
        for row in scored:
            rows.append(row)
            progress.advance()
    for note in source.notes():
        talk(note)
    if options.profile:
        profile.stop()
        profile.add(evaluation.seconds, images=len(rows))
        print_profile(profile)
    return evaluation, rows


def subject_of(
    options: ScoreOptions,
    images: str | None,
    masks: str,
    names: Names,
    asked: Asked,
    evaluation: Evaluation,
) -> Subject:
    """What was scored, for the report."""
    from hypsegcli.scores.records import CheckpointId, Subject

    return Subject(
        images=_text(images),
        masks=_text(masks) or "",
        predictions=_text(options.predictions),
        checkpoint=CheckpointId(path=_text(asked.checkpoint[0]) or "", sha256=asked.checkpoint[1])
        if asked.checkpoint
        else None,
        keys_sha256=evaluation.keys_sha256,
        masks_sha256=evaluation.masks_sha256,
        ignore_index=names.ignore_index,
        unseen=[names.tree.names[index] for index in names.among] if names.among else None,
        options={
            "map": _text(options.id_map),
            "prediction_map": _text(options.prediction_map),
            "mean_over": options.over,
            "tolerance": options.tolerance,
            "background": options.background,
            "interpolate": options.interpolate,
            "longest_side": options.longest_side,
            "precision": options.precision,
            "tile": options.tile,
            "bootstrap": options.bootstrap,
        },
    )


def _text(path: Path | str | None) -> str | None:
    """A path as text; bytes of its name that are none become question marks."""
    return str(path).encode("utf-8", "replace").decode() if path is not None else None
