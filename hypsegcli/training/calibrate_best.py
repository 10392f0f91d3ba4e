"""At the end of a training: what the distance of its best network is worth, on half of the images to validate on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint
from hypsegcli.confidence.calibration import Calibration, fit_calibration, image_counts
from hypsegcli.confidence.measures import full_scale
from hypsegcli.errors import DataError
from hypsegcli.files.digest import digest_file
from hypsegcli.files.hold import Hold
from hypsegcli.files.words import as_text, count_of
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.request import Request
from hypsegcli.metrics.reliability import expected_calibration_error
from hypsegcli.network.model import Network
from hypsegcli.scores.brief import BriefCounts, count_predictions
from hypsegcli.training.config import FEWEST_CALIBRATED
from hypsegcli.training.held_back import held_back
from hypsegcli.training.run import Run
from hypsegcli.training.saving import saving
from hypsegcli.training.state import BEST
from hypsegcli.training.unchanged import check_pair
from hypsegcli.training.validate import validation_segmenter
from hypsegcli.truth.pairs import Pair

_FEW = 20  # images, from which on a calibration is no longer called rough


def calibrate_best(run: Run, hold: Hold) -> tuple[str, ...]:
    """Fit a calibration to half of the validation images, chosen by a hash of their names, and write it into the best.

    The other half scores it. Sentences on what was done, or why nothing was; none where the best has one already, or
    there is no best. Weights and scores of the file stay what they are; it is whole at any moment.
    Raises DataError where images have changed since they were looked at, or the file cannot be written.
    """
    path = run.job.out / BEST
    if not path.exists() or (loaded := load_checkpoint(path)).header.calibration is not None:
        return ()
    pairs, advice = run.val_split.pairs, f"fit one with hypseg calibrate on others: {BEST} has none"
    if run.held_out:
        return (f"no calibration was fitted, for some classes are held out; {advice}",)
    if len(pairs) < FEWEST_CALIBRATED:
        return (
            f"no calibration was fitted: {count_of(len(pairs), 'image')} to validate on are too few, of which it takes "
            f"{FEWEST_CALIBRATED}; {advice}",
        )
    for pair in pairs:
        if pair.image is not None:
            check_pair(pair, decode_image(pair.image), run.val_split.digests[pair.key])
    header = loaded.header
    keys = held_back((pair.key for pair in pairs), (len(pairs) + 1) // 2)
    fitted_on = [pair for pair in pairs if pair.key in keys]
    name = as_text(run.job.data.resolve().name)
    words = f"{name}/val, half of it ({count_of(len(fitted_on), 'image')})"
    try:
        calibration = _fit(run, loaded.model, header, fitted_on, words)
    except DataError as error:  # all right or all wrong: what was trained is none the worse
        return (f"no calibration was fitted ({error.args[0]}); {advice}",)
    calibrated = header.model_copy(update={"calibration": calibration})
    others = [pair for pair in pairs if pair.key not in keys]
    ece = expected_calibration_error(_count(run, loaded.model, calibrated, others, "calibrated").counts.table)
    over = digest_file(path)
    with saving(hold):
        copy_checkpoint(loaded, path, calibrated, over=over)
    worth = (
        f"the other {len(others)} have no labelled pixel, by which to tell what it is worth"
        if math.isnan(ece)
        else f"on the other {len(others)} confidence is off by {100 * ece:.1f} points on average (ECE)"
    )
    told = (
        f"calibrated on {len(fitted_on)} of the {len(pairs)} images to validate on, half of them by a hash of their "
        f"names: {worth}"
    )
    if len(fitted_on) >= _FEW:
        return (told,)
    return (told, f"so few images make it rough; {_FEW} of others, and hypseg calibrate, a better one")


class _Counted(NamedTuple):
    request: Request
    counts: BriefCounts
    images: list[NDArray[np.int64]]  # see image_counts


def _count(run: Run, model: Network, header: Header, pairs: list[Pair], measure: str) -> _Counted:
    segmenter = validation_segmenter(
        model, header, device=run.job.device, held_out=(), longest_side=header.input.longest_side, measures=(measure,)
    )
    images: list[NDArray[np.int64]] = []
    counts = count_predictions(
        segmenter,
        pairs,
        ignore_index=header.ignore_index,
        id_map=run.val_split.id_map,
        max_pixels=MAX_PIXELS,
        workers=1,
        seen=lambda levels: images.append(image_counts(levels)),
    )
    return _Counted(segmenter.request, counts, images)


def _fit(run: Run, model: Network, header: Header, pairs: list[Pair], fitted_on: str) -> Calibration:
    measure = header.model.says_how_sure
    request, counts, images = _count(run, model, header, pairs, measure)
    return fit_calibration(
        counts.table,
        images,
        full_scale=full_scale(measure, max_distance=header.model.max_distance),
        fitted_on=fitted_on,
        marks=counts.marks,
        interpolate=request.interpolate,
        sampling=request.sampling,
        measure=measure,
    )
