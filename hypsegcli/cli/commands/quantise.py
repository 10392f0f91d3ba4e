"""`hypseg quantise`: a checkpoint whose network can also be run in int8, adjusted on images; no masks are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.bundled import checkpoint_path
from hypsegcli.cli.console import loading, say, say_nothing, talk, talk_of
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.running import (
    CheckpointFile,
    CheckpointOut,
    InputPaths,
    LongestSideText,
    MaxPixels,
    Overwrite,
    Quiet,
)
from hypsegcli.cli.show.run import tell_of_skipped
from hypsegcli.errors import DataError, ImageError, UsageError
from hypsegcli.files.atomic import sweep
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hypsegcli.inference.prediction import RGB

_COMPARED = 10  # pictures on which int8 is held against fp32, beside those that it was adjusted on


@spread
def quantise(
    paths: InputPaths,
    *,
    out: CheckpointOut,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    checkpoint: CheckpointFile = None,
    longest_side: LongestSideText = "auto",
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Make a network faster on CPUs: write a checkpoint that runs in int8 as well, adjusted on images like yours."""
    from hypsegcli.cli.checkpoint_out import checkpoint_to_write
    from hypsegcli.images.discover import find_inputs

    over = checkpoint_to_write(out, overwrite=overwrite)
    found = find_inputs(paths)
    tell_of_skipped(found, quiet=quiet)

    with loading(quiet=quiet):
        from hypsegcli.checkpoint.format import Quantisation
        from hypsegcli.checkpoint.store import Checkpoint, copy_checkpoint, load_checkpoint
        from hypsegcli.inference.engines.quantise import MOST, compare_with_fp32, made_with, quantise, require_nncf
        from hypsegcli.inference.request import decide_longest_side

    require_nncf()
    loaded = load_checkpoint(checkpoint_path(checkpoint))
    asked = int(longest_side) if longest_side.isdecimal() else longest_side
    limit = decide_longest_side(asked, loaded.header.input.longest_side, tile="auto")
    tell = say_nothing if quiet else talk
    wanted = _spread_evenly([item.path for item in found.images], MOST + _COMPARED)
    pictures = _read(wanted, longest_side=limit, max_pixels=max_pixels, quiet=quiet)
    # Every fourth is kept out, to compare on.
    compared = pictures[3::4] or pictures
    adjusted = [picture for number, picture in enumerate(pictures) if number % 4 != 3]
    try:
        int8 = quantise(loaded, adjusted, tell=tell)
    except ValueError as problem:
        raise UsageError(f"{loaded.path}: cannot be quantised; {problem}") from problem
    tell(f"comparing on {count_of(len(compared), 'image')}")
    near = compare_with_fp32(loaded, int8, compared)
    header = loaded.header.model_copy(
        update={
            "int8": Quantisation(
                images=len(adjusted),
                compared=len(compared),
                labels=near.labels,
                distance=near.distance,
                made_with=made_with(),
            )
        }
    )
    sweep(out.parent)
    copy_checkpoint(Checkpoint(**{**vars(loaded), "int8": int8}), out, header, over=over)
    others = "other images" if len(pictures) > len(adjusted) else "the same images"
    say(
        f"{out}: in int8 its network runs {near.speed:.1f} times as fast here as in fp32, {near.labels:.1%} of the "
        f"labels are the same, and distances differ by {near.distance:.2g} on average; adjusted on "
        f"{count_of(len(adjusted), 'image')}, compared on {len(compared)} {others}"
    )
    say(
        "what it costs where you have masks: hypseg evaluate IMAGES MASKS -o REPORT "
        f"-c {out} --precision int8, and once more with --precision fp32"
    )


def _spread_evenly(paths: Sequence[Path], most: int) -> list[Path]:
    """At most so many, from the first to the last."""
    count = min(len(paths), most)
    return [paths[number * len(paths) // count] for number in range(count)]


def _read(paths: Sequence[Path], *, longest_side: int | None, max_pixels: int, quiet: bool) -> list[RGB]:
    from hypsegcli.images.decode import decode_image
    from hypsegcli.inference.engines.quantise import as_input

    found, failures = [], []
    for path in paths:
        try:
            found.append(as_input(decode_image(path, max_pixels=max_pixels).pixels, longest_side=longest_side))
        except ImageError as problem:
            failures.append(problem.message)
    if not found:
        raise DataError(f"none of the images can be read; {failures[0]}")
    talk_of((f"left out: {failure}" for failure in failures), quiet=quiet)
    return found
