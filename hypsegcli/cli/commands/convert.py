"""`hypseg convert`: a checkpoint of another project's as one of hypseg's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hypsegcli.cli.class_list import check_converted_names
from hypsegcli.cli.console import loading, say, say_nothing, talk
from hypsegcli.cli.options.running import CheckpointOut, Overwrite, Quiet
from hypsegcli.errors import UsageError
from hypsegcli.files.atomic import sweep

FormatName = Literal["auto", "reference", "halo", "hierahyp", "topics", "mmseg", "torchvision", "smp"]

TOLD = "What the file does not say"


def convert(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .pth, .pt, .ckpt or .safetensors, the folder that save_pretrained wrote, or a TensorFlow "
            "checkpoint: its .index, or its folder.",
        ),
    ],
    *,
    out: CheckpointOut,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    format_name: Annotated[
        FormatName,
        typer.Option(
            "--from", metavar="FORMAT", help="auto, reference, halo, hierahyp, topics, mmseg, torchvision or smp."
        ),
    ] = "auto",
    preset: Annotated[
        Literal["pascal", "coco", "ade20k", "cityscapes"] | None,
        typer.Option(
            metavar="NAME",
            help="A data set, for classes, tree and mean colour: pascal, coco, ade20k or cityscapes.",
            rich_help_panel=TOLD,
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Class list, a line 'id:name' each.", rich_help_panel=TOLD),
    ] = None,
    tree: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Class tree, nested JSON objects.", rich_help_panel=TOLD),
    ] = None,
    tasks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The .csv that TOPICS was trained with, for classes and tree.", rich_help_panel=TOLD
        ),
    ] = None,
    curvature: Annotated[
        float | None,
        typer.Option(metavar="C", min=1e-6, max=1e6, help="c > 0, where it is not in the file.", rich_help_panel=TOLD),
    ] = None,
    output_stride: Annotated[
        int | None,
        typer.Option(metavar="N", help="8 or 16.", rich_help_panel=TOLD),
    ] = None,
    rates: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Dilations of ASPP.", rich_help_panel=TOLD),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="R,G,B", help="Mean colour that is taken off, as the project has it.", rich_help_panel=TOLD
        ),
    ] = None,
    std: Annotated[
        str | None, typer.Option(metavar="R,G,B", help="What is divided by after it.", rich_help_panel=TOLD)
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Typical size of the training images.",
            rich_help_panel=TOLD,
            show_default="unknown",
        ),
    ] = None,
    ignore_index: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="The mask value that means 'not labelled'.",
            rich_help_panel=TOLD,
            show_default="the file's, or 255",
        ),
    ] = None,
    trained_on: Annotated[
        str, typer.Option(metavar="TEXT", help="The data it was trained on.", rich_help_panel=TOLD)
    ] = "unknown",
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Its terms of use.", rich_help_panel=TOLD)] = "unknown",
) -> None:
    """Make a checkpoint of hypseg's of another project's; what it does not say is asked for, or said to be assumed."""
    from hypsegcli.cli.checkpoint_out import checkpoint_to_write

    over = checkpoint_to_write(out, overwrite=overwrite)
    numbers = (_numbers("--mean", mean), _numbers("--std", std), _numbers("--rates", rates))
    known_size = None if size is None else _size(size)
    with loading(quiet=quiet):
        from hypsegcli.checkpoint.converters.assemble import Facts, assemble
        from hypsegcli.checkpoint.converters.read_source import read_source
        from hypsegcli.checkpoint.converters.recognise import recognise
        from hypsegcli.checkpoint.store import save_checkpoint
        from hypsegcli.cli.told import told_of

    told = told_of(preset, classes, tree, tasks, curvature=curvature, output_stride=output_stride, numbers=numbers)
    source = read_source(file)
    if over is not None and out.exists() and out.samefile(source.path):
        raise UsageError(f"--out {out}: is the file that is converted; choose another")
    found = assemble(
        source,
        told,
        Facts(ignore_index, known_size, trained_on, licence),
        format_name=recognise(source) if format_name == "auto" else format_name,
    )
    doubt = None
    if found.names and told.tree is not None:
        option = f"--classes {classes}" if preset is None else f"--preset {preset}"
        doubt = check_converted_names(option, told.tree.names[: told.tree.classes], found.names, file=source.path)
    tell = say_nothing if quiet else talk
    if known_size is None:
        tell(f"{file}: does not say how large its training images were; that stays unknown, unless --size names it")
    for note in (*found.notes, *filter(None, [doubt])):
        tell(f"{file}: {note}")
    sweep(out.parent)
    save_checkpoint(out, found.header, found.state, replace=over is not None)
    model = found.header.model
    geometry = f"curvature {model.curvature:g}" if model.in_ball else "Euclidean"
    say(
        f"{out}: {model.kind.title} on a {model.backbone}, {found.header.tree.classes} classes, "
        f"{geometry}, D = {model.embedding_size}"
    )


def _numbers(option: str, text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        first, second, third = (float(number) for number in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} {text}: expected three numbers, such as 0.485,0.456,0.406") from error
    return first, second, third


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) <= 10**6 and 0 < int(height) <= 10**6):
        raise UsageError(f"--size {text}: expected width and height in pixels, such as 2048x1024")
    return int(width), int(height)
