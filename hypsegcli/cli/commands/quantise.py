"""`hypseg quantise`: a checkpoint whose network can also be run in int8, if masks show that little is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.cli.console import loading, say, say_nothing, talk
from hypsegcli.cli.doubts import unfit_for_int8
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.running import CheckpointName, CheckpointOut, LongestSideText, MaxPixels, Overwrite, Quiet
from hypsegcli.cli.options.scoring import Truth
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import DataError, UsageError
from hypsegcli.files.atomic import sweep
from hypsegcli.files.words import count_of


@spread
def quantise(
    *,
    images: Annotated[str, typer.Argument(metavar="IMAGES", help="Folder, quoted glob or @list.txt of images.")],
    masks: Annotated[str, typer.Argument(metavar="MASKS", help="The same of their masks.")],
    out: CheckpointOut,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    truth: Truth,
    checkpoint: CheckpointName = None,
    longest_side: LongestSideText = "auto",
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Make a network faster on CPUs: write a checkpoint that runs in int8 too, where that costs hardly any score."""
    from hypsegcli.cli.checkpoint_out import checkpoint_to_write

    over = checkpoint_to_write(out, overwrite=overwrite)

    with loading(quiet=quiet):
        from hypsegcli.checkpoint.read_header import read_header
        from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint
        from hypsegcli.cli.checkpoint_in import open_named
        from hypsegcli.cli.labelled import find_labelled, refuse_mistakes, say_new_size, warn, without_void
        from hypsegcli.confidence.measures import of_another_way
        from hypsegcli.inference.engines.quantise import require_nncf, require_traceable
        from hypsegcli.inference.request import decide_longest_side
        from hypsegcli.scores.quantise import Trial, part_pairs, quantise_on, try_out

    require_nncf()
    tell = say_nothing if quiet else talk
    named = open_named(checkpoint, quiet=quiet)
    path = named.path
    header = read_header(path)
    asked = int(longest_side) if longest_side.isdecimal() else longest_side
    limit = decide_longest_side(asked, header.input.longest_side, tile="auto")
    labelled = find_labelled(images, masks, truth, header, quiet=quiet)
    adjusted, compared = part_pairs(without_void(labelled, quiet=quiet))
    trial = Trial(
        adjusted=adjusted,
        compared=compared,
        ignore_index=labelled.ignore_index,
        id_map=labelled.id_map,
        longest_side=limit,
        max_pixels=max_pixels,
    )
    loaded = load_checkpoint(path, header=header, source=named.source)
    with _refusing_what_cannot_be_traced(path):
        require_traceable(loaded, tell=tell)
    with progress_for(len(compared), quiet=quiet) as progress:
        in_fp32 = try_out(loaded, trial, "fp32", tell=tell, advance=progress.advance)
    refuse_mistakes(in_fp32, quiet=quiet)
    before = in_fp32.scores()
    with _refusing_what_cannot_be_traced(path):
        quantised = quantise_on(loaded, trial, tell=tell)
    with progress_for(len(compared), quiet=quiet) as progress:
        scores = try_out(quantised, trial, "int8", tell=tell, advance=progress.advance).scores()
    another = of_another_way(header.calibrated_for, "scalar")
    doubts = (*labelled.doubts, *in_fp32.doubts, *([another] if another else []))
    warn((*doubts, *unfit_for_int8(header, in_fp32.marks)))
    if losses := scores.losses(before):
        raise DataError(
            f"{loaded.path}: loses too much in int8, on {count_of(len(compared), 'image')}: {', '.join(losses)}; "
            "nothing is written, run it in fp32 or bf16"
        )
    facts = quantised.header.int8
    if facts is None:
        raise ValueError("a quantised checkpoint says how")
    sweep(out.parent)
    # Also the size that it was scored at: at another it may lose more.
    copied = quantised.header.with_longest_side(limit)
    copy_checkpoint(quantised, out, copied, over=over)
    say(
        f"{out}: in int8 its network runs {facts.speed:.1f} times as fast here as in fp32; mean IoU "
        f"{before.mean_iou:.4f} to {scores.mean_iou:.4f}, AUROC of {in_fp32.measure} {before.auroc:.4f} to "
        f"{scores.auroc:.4f}, ECE {before.ece:.4f} to {scores.ece:.4f}, {facts.labels:.1%} of the labels the same; "
        f"adjusted on {count_of(facts.images, 'image')}, scored on {facts.compared}"
    )
    why = "as it was scored"
    if header.calibration is not None:
        why += "; its calibration is one of another size, fit one to this with hypseg calibrate"
    say_new_size(out, header, copied, why=why)


@contextmanager
def _refusing_what_cannot_be_traced(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as problem:
        raise UsageError(f"{path}: cannot be quantised; {problem}") from problem
