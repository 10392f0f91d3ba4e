"""`hypseg calibrate`: what a checkpoint's distance to the origin is worth, fitted to masks and written into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.cli.console import loading, say
from hypsegcli.cli.doubts import unfit_for_calibration
from hypsegcli.cli.groups import spread
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.cli.options.computing import Computing
from hypsegcli.cli.options.running import CheckpointOut, Input, Overwrite, Quiet
from hypsegcli.cli.options.scoring import Truth
from hypsegcli.cli.parse import parse_sides
from hypsegcli.cli.refuse import refuse_contradictions
from hypsegcli.cli.segmenter import open_segmenter
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.files.atomic import sweep
from hypsegcli.files.words import as_text, count_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hypsegcli.confidence.calibration import Calibration


@spread
def calibrate(
    *,
    images: Annotated[str, typer.Argument(metavar="IMAGES", help="Folder, quoted glob or @list.txt of images.")],
    masks: Annotated[str, typer.Argument(metavar="MASKS", help="The same of their masks.")],
    name: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="What to call these images in the checkpoint, e.g. 'camvid/val, even frames'."
        ),
    ],
    out: CheckpointOut,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    truth: Truth,
    inputs: Input,
    computing: Computing,
) -> None:
    """Fit the probability of being right to the distance, on images that were not trained on; write a checkpoint."""
    from hypsegcli.cli.checkpoint_out import checkpoint_to_write

    over = checkpoint_to_write(out, overwrite=overwrite)
    refuse_contradictions(inputs, computing)

    with loading(quiet=quiet):
        from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint
        from hypsegcli.cli.checkpoint_in import read_named
        from hypsegcli.cli.labelled import find_labelled, refuse_mistakes, say_new_size, warn, without_void
        from hypsegcli.confidence.calibration import fit_calibration, image_counts
        from hypsegcli.confidence.measures import full_scale
        from hypsegcli.inference.request import Request
        from hypsegcli.scores.brief import count_predictions

    named, header = read_named(inputs.checkpoint, quiet=quiet)
    measure = header.model.says_how_sure
    labelled = find_labelled(images, masks, truth, header, quiet=quiet)
    pairs = without_void(labelled, quiet=quiet)
    loaded = load_checkpoint(named.path, header=header, source=named.source)
    side, guide = parse_sides(inputs, computing, header)
    request = Request(
        measures=(measure,),
        longest_side=side,
        sampling=inputs.sampling,
        guide_side=guide,
        interpolate=inputs.interpolate,
    )
    segmenter = open_segmenter(loaded, request, computing, quiet=quiet)
    each: list[NDArray[np.int64]] = []
    saved = saying_what_is_saved(
        lambda: f"{len(each)} of {count_of(len(pairs), 'image')} were read, and no checkpoint is written of a part"
    )
    with saved, progress_for(len(pairs), quiet=quiet) as progress:

        def seen(levels: NDArray[np.uint16]) -> None:
            each.append(image_counts(levels))
            progress.advance()

        counts = count_predictions(
            segmenter,
            pairs,
            ignore_index=labelled.ignore_index,
            id_map=labelled.id_map,
            max_pixels=inputs.max_pixels,
            workers=computing.threads,
            seen=seen,
        )
    refuse_mistakes(counts, quiet=quiet)
    calibration = fit_calibration(
        counts.table,
        each,
        full_scale=full_scale(measure, max_distance=header.model.max_distance),
        fitted_on=f"{as_text(name)} ({count_of(len(pairs), 'image')})",
        marks=counts.marks,
        interpolate=request.interpolate,
        sampling=request.sampling,
        measure=measure,
        int8=segmenter.engine.device.precision == "int8",
    )
    sweep(out.parent)
    # Also the size that it was fitted at, whatever decided that: at another it would be another.
    copied = header.with_longest_side(request.longest_side).model_copy(update={"calibration": calibration})
    copy_checkpoint(loaded, out, copied, over=over)
    warn((*labelled.doubts, *counts.doubts, *unfit_for_calibration(header, counts.marks)))
    _say_fitted(out, calibration)
    why = "as it was fitted: a calibration is one of a size"
    say_new_size(out, header, copied, why=why)


def _say_fitted(out: Path, calibration: Calibration) -> None:
    """What a calibration promises, and from where on images will be told to look like another world."""
    say(
        f"{out}: probability of being right from {calibration.probabilities[0]:.3f} to "
        f"{calibration.probabilities[-1]:.3f}, fitted on {calibration.fitted_on}, which are no test of it"
    )
    if calibration.of_another_world is not None:
        say(
            f"images whose mean probability lies below {calibration.of_another_world:.2f}, half of what nearly all of "
            "these reach, will be said to look like another world"
        )
