"""`hypseg evaluate`: label maps and confidence against masks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.cli import options as opt

_WHAT, _SCORES, _ANSWER = "What is scored", "Scores", "Answering with a checkpoint"


class ConventionName(StrEnum):
    """Whose way of taking means over classes."""

    CITYSCAPES = "cityscapes"
    MMSEG = "mmseg"
    TORCHMETRICS = "torchmetrics"
    REFERENCE = "reference"


class MeanOver(StrEnum):
    """Which classes a mean is over."""

    PRESENT = "present"
    ALL = "all"


def evaluate(
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
            help="Folder for report.json, report.html, per_image.csv and replicates.npz.",
            show_default="print the table only",
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Score these label maps (a folder, or what hypseg predict wrote) instead of running a checkpoint.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="The checkpoint to run; with --predictions, only its classes, tree and void id are used.",
            show_default="the bundled one",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    confidence: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=DIR: a folder of confidence planes, white is sure; may be repeated.",
            show_default="the folders confidence* of --predictions",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    uncertainty: Annotated[
        list[str] | None,
        typer.Option(help="NAME=DIR: the same of uncertainty, white is doubtful.", rich_help_panel=_WHAT),
    ] = None,
    full_scale: Annotated[
        float, typer.Option(min=1e-6, help="What means entirely sure in .npy planes.", rich_help_panel=_WHAT)
    ] = 1.0,
    classes: Annotated[
        Path | None,
        typer.Option(help="Class list, a line 'id:name' each.", show_default="the checkpoint's", rich_help_panel=_WHAT),
    ] = None,
    tree: Annotated[
        Path | None,
        typer.Option(help="Class tree, nested JSON objects.", show_default="the checkpoint's", rich_help_panel=_WHAT),
    ] = None,
    ignore_index: Annotated[
        int | None,
        typer.Option(
            help="The mask value that means 'not labelled'.",
            show_default="the checkpoint's, else 255",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    map_: Annotated[
        Path | None,
        typer.Option("--map", help="Translate the masks' ids: lines 'from:to' or 'from:void'.", rich_help_panel=_WHAT),
    ] = None,
    prediction_map: Annotated[
        Path | None, typer.Option(help="The same for the label maps' ids.", rich_help_panel=_WHAT)
    ] = None,
    image_suffix: Annotated[
        str,
        typer.Option(help="Ending of the images' names that masks lack, e.g. _leftImg8bit.", rich_help_panel=_WHAT),
    ] = "",
    mask_suffix: Annotated[
        str,
        typer.Option(help="Ending of the masks' names, e.g. _gtFine_labelTrainIds.", rich_help_panel=_WHAT),
    ] = "",
    convention: Annotated[
        ConventionName,
        typer.Option(help="Whose means over classes head the report; it has all of them.", rich_help_panel=_SCORES),
    ] = ConventionName.CITYSCAPES,
    mean_over: Annotated[
        MeanOver,
        typer.Option(
            help="Means over the classes that occur, or over all with absent ones as 0.", rich_help_panel=_SCORES
        ),
    ] = MeanOver.PRESENT,
    unseen: Annotated[
        str | None,
        typer.Option(
            help="Zero-label: classes, separated by commas, to which masks and answers are restricted.",
            rich_help_panel=_SCORES,
        ),
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(
            help="The measure whose boundaries, zones and most uncertain images are shown.",
            show_default="calibrated where there is one, else distance",
            rich_help_panel=_SCORES,
        ),
    ] = None,
    tolerance: Annotated[
        str,
        typer.Option(help="How far edges may lie apart: pixels, or a share of the diagonal.", rich_help_panel=_SCORES),
    ] = "0.5%",
    background: Annotated[
        str | None, typer.Option(help="The background class, set apart in the zones.", rich_help_panel=_SCORES)
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Replicates for the 95 % intervals; 0 for none.", rich_help_panel=_SCORES)
    ] = 1000,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE: exit with 4 if the score is lower; may be repeated.", rich_help_panel=_SCORES),
    ] = None,
    fail_over: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE: exit with 4 if the score is higher.", rich_help_panel=_SCORES),
    ] = None,
    mc_dropout: Annotated[
        int,
        typer.Option(min=0, help="Also ask the network this many times under dropout.", rich_help_panel=_ANSWER),
    ] = 0,
    dropout_rate: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.9,
            help="The share of features that dropout drops.",
            show_default="0.2",
            rich_help_panel=_ANSWER,
        ),
    ] = None,
    interpolate: opt.Interpolate = opt.Interpolation.SCALAR,
    longest_side: opt.LongestSide = None,
    max_pixels: opt.MaxPixels = MAX_PIXELS,
    engine: opt.Engine = opt.EngineChoice.AUTO,
    device: opt.DeviceName = "auto",
    precision: opt.Precision = opt.PrecisionName.AUTO,
    tile: opt.Tile = "auto",
    workers: opt.Workers = None,
    profile: opt.Profile = False,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
) -> None:
    """Score label maps and their confidence against masks: every number with its convention, in one pass."""
    from hypsegcli.cli.scoring import ScoreOptions, score

    code = score(
        ScoreOptions(
            paths=paths,
            out=out,
            predictions=predictions,
            checkpoint=checkpoint,
            confidence=confidence or [],
            uncertainty=uncertainty or [],
            full_scale=full_scale,
            classes=classes,
            tree=tree,
            ignore_index=ignore_index,
            id_map=map_,
            prediction_map=prediction_map,
            image_suffix=image_suffix,
            mask_suffix=mask_suffix,
            convention=convention.value,
            over=mean_over.value,
            unseen=unseen,
            measure=measure,
            tolerance=tolerance,
            background=background,
            bootstrap=bootstrap,
            fail_under=fail_under or [],
            fail_over=fail_over or [],
            mc_dropout=mc_dropout,
            dropout_rate=dropout_rate,
            interpolate=interpolate.value,
            longest_side=longest_side,
            max_pixels=max_pixels,
            engine=engine.value,
            device=device,
            precision=precision.value,
            tile=tile,
            workers=workers,
            profile=profile,
            overwrite=overwrite,
            quiet=quiet,
        )
    )
    raise typer.Exit(code)
