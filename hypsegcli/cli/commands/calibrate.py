"""`hypseg calibrate`: what a checkpoint's distance to the origin is worth, fitted to masks and written into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.cli import options as opt
from hypsegcli.cli.console import say, say_nothing, talk
from hypsegcli.cli.parse import parse_tile
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import PlanError, UsageError
from hypsegcli.files.ahead import default_workers
from hypsegcli.files.atomic import refuse_unwritable
from hypsegcli.files.words import count_of


def calibrate(
    images: Annotated[str, typer.Argument(help="Folder, quoted glob or @list.txt of images.", show_default=False)],
    masks: Annotated[str, typer.Argument(help="The same of their masks.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The .safetensors file to write.", show_default=False)],
    name: Annotated[
        str, typer.Option(help="What to call these images in the checkpoint, e.g. 'camvid/val, even frames'.")
    ],
    checkpoint: opt.CheckpointFile = None,
    ignore_index: Annotated[
        int | None,
        typer.Option(help="The mask value that means 'not labelled'.", show_default="the checkpoint's"),
    ] = None,
    longest_side: opt.LongestSide = None,
    engine: opt.Engine = opt.EngineChoice.AUTO,
    device: opt.DeviceName = "auto",
    precision: opt.Precision = opt.PrecisionName.AUTO,
    tile: opt.Tile = "auto",
    workers: opt.Workers = None,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
) -> None:
    """Fit the probability of being right to the distance, on images that were not trained on; write a checkpoint."""
    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out}: expected a name that ends in .safetensors")
    if out.exists() and not overwrite:
        raise PlanError(f"{out}: is there already; replace it with --overwrite, or choose another --out")
    refuse_unwritable(out.parent)
    side = parse_tile(tile)

    import numpy as np

    from hypsegcli.checkpoint.bundled import bundled_checkpoint
    from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint
    from hypsegcli.confidence.calibration import fit_calibration
    from hypsegcli.inference.build import make_segmenter
    from hypsegcli.inference.request import Request
    from hypsegcli.scores.metrics.ranking import BINS, score_table
    from hypsegcli.scores.reading import predicted_images
    from hypsegcli.scores.sources import NetworkSource
    from hypsegcli.truth.check import examine_masks
    from hypsegcli.truth.pairs import pair_files

    pairs = pair_files(masks=masks, images=images, predictions=None)
    loaded = load_checkpoint(checkpoint or bundled_checkpoint())
    header, classes = loaded.header, loaded.header.tree.classes
    void = header.ignore_index if ignore_index is None else ignore_index
    examine_masks([pair.mask for pair in pairs], classes=classes, ignore_index=void, id_map=None, option=None)
    request = Request(measures=("distance",), longest_side=longest_side)
    segmenter = make_segmenter(
        loaded,
        request,
        engine=engine.value,
        device=device,
        precision=precision.value,
        tile=side,
        tell=say_nothing if quiet else talk,
    )
    source = NetworkSource(segmenter, sampler=None, max_pixels=MAX_PIXELS)
    table = np.zeros((BINS, 2), np.int64)
    with progress_for(len(pairs), quiet=quiet) as progress:
        threads = default_workers() if workers is None else workers
        for image in predicted_images(pairs, source, classes=classes, ignore_index=void, workers=threads):
            sample = image.sample
            labelled = sample.truth != classes
            table += score_table(sample.levels["distance"][labelled], (sample.labels != sample.truth)[labelled])
            progress.advance()
    for note in source.notes():
        talk(note)
    calibration = fit_calibration(
        table,
        full_scale=header.model.max_distance,
        fitted_on=f"{name} ({count_of(len(pairs), 'image')})",
    )
    copy_checkpoint(loaded.path, out, header.model_copy(update={"calibration": calibration}))
    low, high = calibration.probabilities[0], calibration.probabilities[-1]
    say(f"{out}: probability of being right from {low:.3f} to {high:.3f}, fitted on {calibration.fitted_on}")
