"""`hypseg disk`: the pixels of one image in the Poincaré disk of a two-dimensional model, with its gyroplanes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.bundled import DISK, checkpoint_path
from hypsegcli.cli.console import say, talk
from hypsegcli.cli.options.running import INPUT, OUTPUT, DeviceName, MaxPixels, Overwrite, PrecisionName
from hypsegcli.errors import ImageError, PlanError, UsageError
from hypsegcli.files.atomic import refuse_unwritable

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header

_SUFFIXES = (".png", ".svg")


def disk(
    *,
    image: Annotated[Path, typer.Argument(help="A photograph.", show_default=False)],
    photograph: Annotated[
        bool, typer.Option("--photograph/--no-photograph", help="Show the photograph under its classes beside it.")
    ] = True,
    size: Annotated[int, typer.Option(min=300, max=3000, help="Pixels across the disk.")] = 1000,
    out: Annotated[
        Path, typer.Option(help="The .png or .svg file to write.", show_default=False, rich_help_panel=OUTPUT)
    ],
    overwrite: Overwrite = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint with two-dimensional embeddings.", show_default=DISK, rich_help_panel=INPUT),
    ] = None,
    longest_side: Annotated[
        int | None,
        typer.Option(
            min=16,
            help="Shrink a larger image to this many pixels for the network.",
            show_default="that of the training images",
            rich_help_panel=INPUT,
        ),
    ] = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    device: DeviceName = "auto",
    precision: PrecisionName = "auto",
) -> None:
    """Draw one image's pixels in the Poincaré disk, with the classes' gyroplanes as geodesics and rings of distance."""
    _check_out(out, image, overwrite=overwrite)

    from hypsegcli.checkpoint.read_header import read_header

    path = checkpoint_path(checkpoint, bundled=DISK)
    _check_header(read_header(path), path)

    from hypsegcli.checkpoint.store import load_checkpoint
    from hypsegcli.files.atomic import write_atomically
    from hypsegcli.images.decode import decode_image
    from hypsegcli.images.png import encode_rgb_png
    from hypsegcli.inference.device import choose_device
    from hypsegcli.pictures.disk.figure import DIAMETER
    from hypsegcli.pictures.drawing.png import draw_figure
    from hypsegcli.pictures.drawing.svg import encode_svg
    from hypsegcli.run.draw_disk import draw_disk

    where = choose_device(device, precision)
    decoded = decode_image(image, max_pixels=max_pixels)
    for note in decoded.notes:
        talk(f"{image}: {note}")
    loaded = load_checkpoint(path)
    limit = longest_side or max(loaded.header.input.height, loaded.header.input.width)
    svg = out.suffix == ".svg"
    try:
        figure, points = draw_disk(
            loaded, decoded.pixels, device=where, longest_side=limit, photograph=photograph, letters=svg
        )
    except FloatingPointError as problem:
        raise ImageError(f"{image}: {problem}; try --precision fp32", "not_finite") from problem
    scale = size / DIAMETER
    data = encode_svg(figure, scale=scale) if svg else encode_rgb_png(draw_figure(figure, scale=scale))
    write_atomically(out, data)
    say(f"{out}: {points:,} points in the Poincaré disk, one for every 4 x 4 pixels of the network's input")


def _check_out(out: Path, image: Path, *, overwrite: bool) -> None:
    if out.suffix not in _SUFFIXES:
        raise UsageError(f"--out {out}: expected a name that ends in {' or '.join(_SUFFIXES)}")
    if os.path.lexists(out):
        if out.exists() and image.exists() and out.samefile(image):
            raise PlanError(f"{out}: is the image itself; choose another --out")
        if not overwrite:
            raise PlanError(f"{out}: is there already; replace it with --overwrite, or choose another --out")
    refuse_unwritable(out.parent)


def _check_header(header: Header, checkpoint: Path) -> None:
    model = header.model
    if model.head == "euclidean":
        raise UsageError(
            f"{checkpoint}: its head is Euclidean, so its embeddings lie in no ball and there is no disk to draw; "
            "train one with `hypseg train --embedding-size 2`"
        )
    if model.embedding_size != 2:
        raise UsageError(
            f"{checkpoint}: its embeddings have D = {model.embedding_size} dimensions, and a disk has two; train one "
            "with `hypseg train --embedding-size 2`"
        )
