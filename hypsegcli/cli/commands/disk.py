"""`hypseg disk`: the pixels of images in the Poincaré disk of a two-dimensional model, with its gyroplanes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.bundled import DISK
from hypsegcli.cli import complete
from hypsegcli.cli.console import loading, say, say_nothing, talk, talk_of
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.computing import DeviceName, PrecisionName
from hypsegcli.cli.options.running import INPUT, OUTPUT, InputPaths, MaxPixels, Overwrite, Quiet
from hypsegcli.cli.options.scoring import MASKS, Truth
from hypsegcli.cli.refuse import refuse_truth_without_masks
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.cli.show.run import tell_of_skipped
from hypsegcli.errors import DataError, PlanError, UsageError
from hypsegcli.files.atomic import already_there, refuse_unwritable
from hypsegcli.files.books import refuse_in_a_run
from hypsegcli.files.words import count_alike, count_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hypsegcli.checkpoint.format import Header

_SUFFIXES = (".png", ".svg")
_POINTS = 50_000  # more would cover each other, in a picture of the usual size


@spread
def disk(
    *,
    paths: InputPaths,
    photograph: Annotated[
        bool,
        typer.Option("--photograph/--no-photograph", help="Show a single photograph under its classes beside it."),
    ] = True,
    size: Annotated[
        int, typer.Option(metavar="N", min=300, max=3000, help="Pixels across the disk: 300 to 3000.")
    ] = 1000,
    points: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Draw at most this many, as many of every image, always the same ones."),
    ] = _POINTS,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE", help="The .png or .svg file to write.", rich_help_panel=OUTPUT),
    ],
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    masks: Annotated[
        str | None,
        typer.Option(
            metavar="MASKS",
            help="Colour points by their true classes: a folder, quoted glob or @list.txt of masks, paired with those "
            "of the images as evaluate does.",
            show_default="the predicted classes",
            rich_help_panel=MASKS,
        ),
    ] = None,
    truth: Truth,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            "-c",
            metavar="FILE|NAME|URL",
            help="A checkpoint with two-dimensional embeddings.",
            show_default=DISK,
            autocompletion=complete.models,
            rich_help_panel=INPUT,
        ),
    ] = None,
    longest_side: Annotated[
        int | None,
        typer.Option(
            metavar="N",
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
    """Draw the pixels of images in the Poincaré disk, with classes' gyroplanes as geodesics and rings of distance."""
    refuse_truth_without_masks(masks, truth)
    sources = _find_sources(paths, masks, truth, quiet=quiet)
    _check_out(out, [path for source in sources for path in source if path is not None], overwrite=overwrite)

    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.cli.checkpoint_in import open_named
    from hypsegcli.cli.labelled import warn

    named = open_named(checkpoint, quiet=quiet, bundled=DISK)
    header = read_header(named.path)
    _check_header(header, named.path)

    with loading(quiet=quiet):
        from hypsegcli.checkpoint.store import load_checkpoint
        from hypsegcli.files.atomic import sweep, write_atomically
        from hypsegcli.images.png import encode_rgb_png
        from hypsegcli.inference.device import choose_device
        from hypsegcli.inference.engines.torch_engine import TorchEngine
        from hypsegcli.pictures.disk.figure import DIAMETER
        from hypsegcli.pictures.drawing.png import draw_figure
        from hypsegcli.pictures.drawing.svg import encode_svg
        from hypsegcli.run.disk_cloud import Gatherer, place_images
        from hypsegcli.run.draw_disk import draw_disk, photograph_of

    where = choose_device(device, precision)
    sources, read_truth, doubts = _look_at_masks(sources, truth, header, quiet=quiet)
    loaded = load_checkpoint(named.path, header=header, source=named.source)
    # Where nobody said how large the training images were, an image goes in as it is.
    limit = longest_side or max(header.input.height or 0, header.input.width or 0) or None
    placed = place_images(
        sources,
        TorchEngine(loaded.model, header.input, where),
        header.tree,
        longest_side=limit,
        max_pixels=max_pixels,
        read_truth=read_truth,
    )
    gatherer = Gatherer(images=len(sources), classes=header.tree.classes, most=points)
    notes: list[str] = []
    shown = None
    with progress_for(len(sources), quiet=quiet or len(sources) == 1) as progress:
        for image in placed:
            gatherer.add(image.points, image.classes)
            notes += image.image.notes
            if photograph and len(sources) == 1:
                shown = photograph_of(image, header, longest_side=limit)
            progress.advance()
    talk_of(count_alike(notes, "image"), quiet=quiet)
    cloud = gatherer.cloud(truth=masks is not None)
    if not cloud.counts.any():
        raise DataError(f"{masks}: no cell of the network's grid has a true class; the masks are all void there")
    svg = out.suffix == ".svg"
    figure = draw_disk(loaded, cloud, photograph=shown, letters=svg)
    scale = size / DIAMETER
    data = encode_svg(figure, scale=scale) if svg else encode_rgb_png(draw_figure(figure, scale=scale))
    sweep(out.parent)
    write_atomically(out, data, replace=overwrite)
    drawn, there = len(cloud.points), int(cloud.counts.sum())
    number = f"{drawn:,}" if drawn == there else f"{drawn:,} of {there:,}"
    of = "" if len(sources) == 1 else f" from {count_of(len(sources), 'image')}"
    say(f"{out}: {number} points in the Poincaré disk{of}, one for every 4 x 4 pixels of the network's input")
    warn(doubts)


def _find_sources(
    paths: list[str], masks: str | None, truth: Truth, *, quiet: bool
) -> Sequence[tuple[Path, Path | None]]:
    """Images, and their masks where there are any."""
    if masks is None:
        from hypsegcli.images.discover import find_inputs

        found = find_inputs(paths)
        tell_of_skipped(found, quiet=quiet)
        return [(item.path, None) for item in found.images]
    if len(paths) > 1:
        raise UsageError("--masks are those of one INPUT: a folder, a quoted glob, @list.txt or an image")

    from hypsegcli.truth.pairs import pair_files

    pairs = pair_files(
        masks=masks,
        images=paths[0],
        predictions=None,
        image_suffix=truth.image_suffix,
        mask_suffix=truth.mask_suffix,
        with_empty=bool(truth.unlabelled),
        tell=say_nothing if quiet else talk,
    )
    return [(pair.image, pair.mask) for pair in pairs if pair.image is not None]


def _look_at_masks(
    sources: Sequence[tuple[Path, Path | None]], truth: Truth, header: Header, *, quiet: bool
) -> tuple[Sequence[tuple[Path, Path | None]], Callable[[Path], NDArray[np.uint8 | np.uint16]], Sequence[str]]:
    """The images that have masks, or need none, and what reads a mask as the ids of the checkpoint's classes.

    None may hold what is no class; sentences on what is odd about them come third.
    """
    from hypsegcli.cli.labelled import odd_masks, translate
    from hypsegcli.truth.check import examine_masks
    from hypsegcli.truth.masks import read_mask
    from hypsegcli.truth.pairs import Pair

    classes, names = header.tree.classes, header.tree.names[: header.tree.classes]
    void = header.ignore_index if truth.ignore_index is None else truth.ignore_index
    masks = [Pair("", mask, image, None) for image, mask in sources if mask is not None]
    pairs, id_map = translate(masks, names, truth, quiet=quiet)
    read_as = {pair.mask: pair.mask for pair in pairs}  # what tools exported knows by now which label is which class
    doubts: Sequence[str] = ()
    if masks:
        sources = [(image, mask) for image, mask in sources if mask in read_as]
        survey = examine_masks(
            list(read_as), classes=classes, ignore_index=void, id_map=id_map, names=names, by_data=True
        )
        doubts = (*survey.doubts, *odd_masks(list(read_as)))
    return sources, lambda mask: read_mask(read_as[mask], classes=classes, ignore_index=void, id_map=id_map), doubts


def _check_out(out: Path, inputs: Sequence[Path], *, overwrite: bool) -> None:
    if out.suffix not in _SUFFIXES:
        raise UsageError(f"--out {out}: expected a name that ends in {' or '.join(_SUFFIXES)}")
    refuse_in_a_run(out, "a picture of the disk")
    if os.path.lexists(out):
        if any(os.path.realpath(path) == os.path.realpath(out) for path in inputs):
            raise PlanError(f"{out}: is one of the images or masks itself; choose another --out")
        if not overwrite:
            raise already_there(out)
    refuse_unwritable(out.parent)


def _check_header(header: Header, checkpoint: Path) -> None:
    model = header.model
    if not model.in_ball:
        raise UsageError(
            f"{checkpoint}: its head is Euclidean, so its embeddings lie in no ball and there is no disk to draw; "
            "train one with `hypseg train --embedding-size 2`"
        )
    if model.embedding_size != 2:
        raise UsageError(
            f"{checkpoint}: its embeddings have D = {model.embedding_size} dimensions, and a disk has two; train one "
            "with `hypseg train --embedding-size 2`"
        )
