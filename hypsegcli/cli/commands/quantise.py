"""`hypseg quantise`: a checkpoint whose network can also be run in int8, if masks show that little is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.bundled import checkpoint_path
from hypsegcli.cli.console import as_option, error, loading, say, say_nothing, talk, talk_of
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.running import (
    CheckpointFile,
    CheckpointOut,
    LongestSideText,
    MaxPixels,
    Overwrite,
    Quiet,
)
from hypsegcli.cli.options.scoring import Truth
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import DataError, UsageError, spell
from hypsegcli.files.atomic import sweep
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypsegcli.truth.pairs import Pair


@spread
def quantise(
    *,
    images: Annotated[str, typer.Argument(metavar="IMAGES", help="Folder, quoted glob or @list.txt of images.")],
    masks: Annotated[str, typer.Argument(metavar="MASKS", help="The same of their masks.")],
    out: CheckpointOut,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    truth: Truth,
    checkpoint: CheckpointFile = None,
    longest_side: LongestSideText = "auto",
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Make a network faster on CPUs: write a checkpoint that runs in int8 too, where that costs hardly any score."""
    from hypsegcli.cli.checkpoint_out import checkpoint_to_write

    over = checkpoint_to_write(out, overwrite=overwrite)

    with loading(quiet=quiet):
        from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint
        from hypsegcli.inference.engines.quantise import require_nncf
        from hypsegcli.inference.request import decide_longest_side
        from hypsegcli.scores.quantise import Trial, quantise_on, try_out
        from hypsegcli.truth.check import examine_masks
        from hypsegcli.truth.masks import read_translation
        from hypsegcli.truth.pairs import pair_files

    require_nncf()
    tell = say_nothing if quiet else talk
    pairs = pair_files(
        masks=masks,
        images=images,
        predictions=None,
        image_suffix=truth.image_suffix,
        mask_suffix=truth.mask_suffix,
        tell=tell,
    )
    loaded = load_checkpoint(checkpoint_path(checkpoint))
    header, classes = loaded.header, loaded.header.tree.classes
    void = header.ignore_index if truth.ignore_index is None else truth.ignore_index
    id_map = read_translation(truth.id_map, truth.mask_colors, header.tree.names[:classes])
    talk_of(id_map.colors.notes if id_map and id_map.colors else (), quiet=quiet)
    survey = examine_masks([pair.mask for pair in pairs], classes=classes, ignore_index=void, id_map=id_map)
    for sentence in survey.doubts:
        error(spell(sentence, as_option))
    asked = int(longest_side) if longest_side.isdecimal() else longest_side
    limit = decide_longest_side(asked, header.input.longest_side, tile="auto")
    adjusted, compared = _part(pairs)
    trial = Trial(
        adjusted=adjusted,
        compared=compared,
        ignore_index=void,
        id_map=id_map,
        longest_side=limit,
        max_pixels=max_pixels,
    )
    try:
        quantised = quantise_on(loaded, trial, tell=tell)
    except ValueError as problem:
        raise UsageError(f"{loaded.path}: cannot be quantised; {problem}") from problem
    with progress_for(2 * len(compared), quiet=quiet) as progress:
        before = try_out(loaded, trial, "fp32", tell=tell, advance=progress.advance)
        scores = try_out(quantised, trial, "int8", tell=tell, advance=progress.advance)
    if losses := scores.losses(before):
        raise DataError(
            f"{loaded.path}: loses too much in int8, on {count_of(len(compared), 'image')}: {', '.join(losses)}; "
            "nothing is written, run it in fp32 or bf16"
        )
    facts = quantised.header.int8
    if facts is None:
        raise ValueError("a quantised checkpoint says how")
    sweep(out.parent)
    copy_checkpoint(quantised, out, quantised.header, over=over)
    measure = "calibrated" if header.calibration else "distance"
    say(
        f"{out}: in int8 its network runs {facts.speed:.1f} times as fast here as in fp32; mean IoU "
        f"{before.mean_iou:.4f} to {scores.mean_iou:.4f}, AUROC of {measure} {before.auroc:.4f} to {scores.auroc:.4f}, "
        f"ECE {before.ece:.4f} to {scores.ece:.4f}, {facts.labels:.1%} of the labels the same; adjusted on "
        f"{count_of(facts.images, 'image')}, scored on {facts.compared}"
    )


def _part(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Pairs to take ranges of, from the first to the last, and those that are left to score; of one pair, itself."""
    from hypsegcli.inference.engines.quantise import MOST

    count = min(MOST, (len(pairs) + 1) // 2)
    chosen = {number * len(pairs) // count for number in range(count)}
    adjusted = [pair for number, pair in enumerate(pairs) if number in chosen]
    return adjusted, [pair for number, pair in enumerate(pairs) if number not in chosen] or adjusted
