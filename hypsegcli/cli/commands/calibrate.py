"""`hypseg calibrate`: what a checkpoint's distance to the origin is worth, fitted to masks and written into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.cli.console import as_option, error, loading, say, say_nothing, talk, talk_of
from hypsegcli.cli.doubts import unfit_for_calibration, void_of_a_class
from hypsegcli.cli.groups import spread
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.cli.options.running import CheckpointOut, Computing, Input, Overwrite, Quiet
from hypsegcli.cli.options.scoring import Truth
from hypsegcli.cli.parse import parse_longest_side
from hypsegcli.cli.refuse import refuse_contradictions
from hypsegcli.cli.segmenter import open_segmenter
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import DataError, spell
from hypsegcli.files.atomic import sweep
from hypsegcli.files.words import as_text, count_of

if TYPE_CHECKING:
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
        import numpy as np
        from numpy.typing import NDArray

        from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint
        from hypsegcli.confidence.calibration import fit_calibration, image_counts
        from hypsegcli.inference.request import Request
        from hypsegcli.metrics.classes import confusion_matrix
        from hypsegcli.metrics.ranking import BINS, score_table
        from hypsegcli.scores.reading import predicted_images
        from hypsegcli.scores.sources import NetworkSource
        from hypsegcli.truth.check import examine_masks
        from hypsegcli.truth.contradicted import contradictions
        from hypsegcli.truth.masks import read_translation
        from hypsegcli.truth.pairs import pair_files

    pairs = pair_files(
        masks=masks,
        images=images,
        predictions=None,
        image_suffix=truth.image_suffix,
        mask_suffix=truth.mask_suffix,
        tell=say_nothing if quiet else talk,
    )
    loaded = load_checkpoint(inputs.checkpoint_path)
    header, classes = loaded.header, loaded.header.tree.classes
    void = header.ignore_index if truth.ignore_index is None else truth.ignore_index
    id_map = read_translation(truth.id_map, truth.mask_colors, header.tree.names[:classes])
    talk_of(id_map.colors.notes if id_map and id_map.colors else (), quiet=quiet)
    survey = examine_masks([pair.mask for pair in pairs], classes=classes, ignore_index=void, id_map=id_map)
    request = Request(
        measures=("distance",),
        longest_side=parse_longest_side(inputs, computing, trained=header.input.longest_side),
        interpolate=inputs.interpolate,
    )
    segmenter = open_segmenter(loaded, request, computing, quiet=quiet)
    source = NetworkSource(segmenter, sampler=None, max_pixels=inputs.max_pixels)
    table = np.zeros((BINS, 2), np.int64)
    confusion = np.zeros((classes, classes + 1), np.int64)
    each: list[NDArray[np.int64]] = []
    marks: list[str] = []
    saved = saying_what_is_saved(
        lambda: f"{len(each)} of {count_of(len(pairs), 'image')} were read, and no checkpoint is written of a part"
    )
    with saved, progress_for(len(pairs), quiet=quiet) as progress:
        predicted = predicted_images(
            pairs, source, classes=classes, ignore_index=void, workers=computing.threads, id_map=id_map
        )
        for image in predicted:
            sample = image.sample
            labelled = sample.truth != classes
            each.append(image_counts(sample.levels["distance"]))
            marks += [image.mark] if image.mark is not None else []
            confusion += confusion_matrix(sample.truth, sample.labels, classes)
            table += score_table(sample.levels["distance"][labelled], (sample.labels != sample.truth)[labelled])
            progress.advance()
    talk_of(source.notes(), quiet=quiet)
    for mistake in contradictions(confusion, source.turns(), id_map):
        raise DataError(mistake)
    calibration = fit_calibration(
        table,
        each,
        full_scale=header.model.max_distance,
        fitted_on=f"{as_text(name)} ({count_of(len(pairs), 'image')})",
        marks=marks,
        interpolate=request.interpolate,
    )
    sweep(out.parent)
    # Also the size that it was fitted at, whatever decided that: at another it would be another.
    known = header.input.model_copy(update={"longest_side": request.longest_side})
    copy_checkpoint(loaded, out, header.model_copy(update={"calibration": calibration, "input": known}), over=over)
    for sentence in (
        *survey.doubts,
        *void_of_a_class(header.tree, void, survey.pixels, asked=truth.ignore_index is not None),
        *unfit_for_calibration(header, marks),
    ):
        error(spell(sentence, as_option))
    _say_fitted(out, calibration, before=header.input.longest_side, now=request.longest_side)


def _say_fitted(out: Path, calibration: Calibration, *, before: int | None, now: int | None) -> None:
    """What a calibration promises, and from where on images will be told to look like another world.

    And to what the copy has larger images shrunk, where that is not what its checkpoint did `before`.
    """
    say(
        f"{out}: probability of being right from {calibration.probabilities[0]:.3f} to "
        f"{calibration.probabilities[-1]:.3f}, fitted on {calibration.fitted_on}, which are no test of it"
    )
    if calibration.of_another_world is not None:
        say(
            f"images whose mean probability lies below {calibration.of_another_world:.2f}, half of what nearly all of "
            "these reach, will be said to look like another world"
        )
    if now != before:
        larger = "are not shrunk" if now is None else f"are shrunk to {now} pixels"
        say(f"{out}: larger images {larger} with it, as it was fitted: a calibration is one of a size")
