"""`hypseg predict`: label, confidence and boundary maps for images and folders."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from hypsegcli.cli import options as opt
from hypsegcli.cli import segment
from hypsegcli.cli.console import say
from hypsegcli.cli.network import parse_tile
from hypsegcli.errors import UsageError
from hypsegcli.images import MAX_PIXELS

KINDS = ("labels", "confidence", "boundary", "overlay", "probabilities")


class Format(StrEnum):
    """File format of the confidence maps, and of the label maps where it is TIFF."""

    PNG = "png"
    NPY = "npy"
    TIF = "tif"


def predict(
    inputs: opt.InputPaths,
    out: opt.OutFolder,
    checkpoint: opt.CheckpointFile = None,
    save: Annotated[
        str, typer.Option(help=f"What to write, separated by commas: {', '.join(KINDS)}.")
    ] = "labels,confidence,boundary,overlay",
    format_: Annotated[
        Format,
        typer.Option(
            "--format", help="Confidence as 16-bit PNG or float32 NumPy; labels and confidence as tiled TIFF."
        ),
    ] = Format.PNG,
    measure: Annotated[
        str | None,
        typer.Option(
            help=f"What confidence means: {opt.MEASURES}; several separated by commas, or all. The first is that of "
            "confidence/ and boundary/, a further one goes to confidence-NAME/.",
            show_default="calibrated where the checkpoint can, else distance",
        ),
    ] = None,
    raw: opt.Raw = False,
    level: Annotated[
        str | None,
        typer.Option(
            help="Request at a depth of the class tree (1: coarsest), at the depth of a named node, or 'auto': as deep "
            "as the probability stays above --threshold.",
            show_default="the classes",
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0.5, max=0.999, help="For --level auto.", show_default="0.5")
    ] = None,
    interpolate: opt.Interpolate = opt.Interpolation.SCALAR,
    longest_side: opt.LongestSide = None,
    max_pixels: opt.MaxPixels = MAX_PIXELS,
    engine: opt.Engine = opt.EngineChoice.AUTO,
    device: opt.DeviceName = "auto",
    precision: opt.Precision = opt.PrecisionName.AUTO,
    batch_size: opt.BatchSize = None,
    tile: opt.Tile = "auto",
    workers: opt.Workers = None,
    profile: opt.Profile = False,
    overwrite: opt.Overwrite = False,
    resume: opt.Resume = False,
    dry_run: opt.DryRun = False,
    quiet: opt.Quiet = False,
) -> None:
    """Segment images: label maps, confidence maps, boundary maps and overlays, a folder of each."""
    kinds = tuple(dict.fromkeys(kind.strip() for kind in save.split(",") if kind.strip()))
    if not kinds or set(kinds) - set(KINDS):
        raise UsageError(f"--save {save}: expected some of {', '.join(KINDS)}, separated by commas")
    options = segment.RunOptions(
        inputs=inputs,
        out=out,
        checkpoint=checkpoint,
        engine=engine.value,
        device=device,
        precision=precision.value,
        batch_size=batch_size,
        tile=tile,
        workers=workers,
        profile=profile,
        longest_side=longest_side,
        max_pixels=max_pixels,
        overwrite=overwrite,
        resume=resume,
        quiet=quiet,
    )
    if threshold is not None and level != "auto":
        raise UsageError("--threshold belongs to --level auto; add that, or leave it out")
    if format_ is Format.NPY and "confidence" not in kinds:
        raise UsageError("--format is that of confidence maps; name confidence in --save, or leave it out")
    if format_ is Format.TIF and not {"labels", "confidence"} & set(kinds):
        raise UsageError("--format tif is that of labels and confidence; name one in --save, or leave it out")
    header = segment.read_header(options)
    measures = segment.parse_measures(measure, header, raw=raw)
    if len(measures) > 1 and "confidence" not in kinds:
        raise UsageError(f"--measure {measure}: several measures are for confidence maps; name confidence in --save")
    if "confidence" in kinds:
        kinds += tuple(f"confidence-{name}" for name in measures[1:])
    suffixes = {kind: _suffix(kind, format_) for kind in kinds}
    plan = segment.make_plan(options, suffixes)
    depth = segment.parse_level(level, header.tree)
    parse_tile(tile)
    if dry_run:
        raise typer.Exit(segment.print_plan(plan))

    from hypsegcli.inference.request import Request
    from hypsegcli.products.outputs import full_scales, prediction_outputs

    loaded = segment.load(options)
    request = Request(
        measures=measures,
        level=depth,
        threshold=threshold or 0.5,
        probabilities="probabilities" in kinds,
        longest_side=longest_side,
        interpolate=interpolate.value,
    )
    outputs = prediction_outputs(loaded.header, loaded.sha256, kinds=kinds, request=request, form=format_.value)
    detail = {"format": format_.value, "full_scale": full_scales(loaded.header, request)}
    code, ledger = segment.run("predict", options, plan, loaded, request, outputs, detail=detail)
    if ledger.count("done"):
        say(f"{segment.count_images(ledger.count('done'))}: {', '.join(kinds)} in {out}")
    raise typer.Exit(code)


def _suffix(kind: str, form: Format) -> str:
    if kind == "probabilities" or (form is Format.NPY and kind.startswith("confidence")):
        return ".npy"
    return ".tif" if form is Format.TIF and (kind == "labels" or kind.startswith("confidence")) else ".png"
