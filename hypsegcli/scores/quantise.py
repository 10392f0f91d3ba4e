"""A network in int8, and what its scores on other images are worth beside those in fp32."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypsegcli.checkpoint.format import Quantisation
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.confidence.measures import choose_measures
from hypsegcli.errors import DataError
from hypsegcli.files.threads import default_workers
from hypsegcli.files.words import count_alike, count_of, first_of
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.engines.quantise import MOST, as_input, compare_with_fp32, made_with, quantise
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.request import Precision, Request
from hypsegcli.scores.brief import BriefCounts, count_predictions
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

_TIMED = 10  # images whose labels are compared and whose time is taken
_LISTED = 5  # images in a sentence


@dataclass(frozen=True, kw_only=True)
class Trial:
    """On what a network is quantised, and on what it is tried."""

    adjusted: Sequence[Pair]
    compared: Sequence[Pair]
    ignore_index: int
    id_map: IdMap | None
    longest_side: int | None
    max_pixels: int


def part_pairs(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Pairs to take ranges of, from the first to the last and at most half of them, and those that are left to score.

    Raises DataError where there are not both.
    """
    count = min(MOST, len(pairs) // 2)
    if count == 0:
        raise DataError(
            f"{count_of(len(pairs), 'image')} with labelled pixels: int8 takes its ranges of one half of the images "
            "and is scored on the other; give two at least, better 40"
        )
    chosen = {number * len(pairs) // count for number in range(count)}
    adjusted = [pair for number, pair in enumerate(pairs) if number in chosen]
    return adjusted, [pair for number, pair in enumerate(pairs) if number not in chosen]


def quantise_on(checkpoint: Checkpoint, trial: Trial, *, tell: Callable[[str], None]) -> Checkpoint:
    """The checkpoint with its network in int8 as well, as it is to be written; its SHA-256 is not that of a file yet.

    `tell` hears of what takes long, and of which images ranges are taken. Raises ValueError for a network that cannot
    be traced, ImageError at the first file that cannot be used.
    """
    notes: list[str] = []

    def picture(pair: Pair) -> RGB:
        if pair.image is None:
            raise ValueError(f"{pair.key} has no image")
        image = decode_image(pair.image, max_pixels=trial.max_pixels)
        notes.extend(image.notes)
        return as_input(image.pixels, longest_side=trial.longest_side)

    adjusted = [picture(pair) for pair in trial.adjusted]
    keys = [pair.key for pair in trial.adjusted]
    tell(f"ranges are taken of {len(keys)} of {len(keys) + len(trial.compared)} images: {first_of(keys, _LISTED)}")
    for line in count_alike(notes, "image"):
        tell(f"of these, {line}")
    int8 = quantise(checkpoint, adjusted, tell=tell)
    timed = trial.compared[:: -(-len(trial.compared) // _TIMED)]
    near = compare_with_fp32(checkpoint, int8, [picture(pair) for pair in timed])
    digest = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in int8.values())).hexdigest()
    facts = Quantisation(
        images=len(trial.adjusted), compared=len(trial.compared), made_with=made_with(), **near._asdict()
    )
    header = checkpoint.header.model_copy(update={"int8": facts})
    return replace(checkpoint, int8=int8, sha256=digest, header=header)


def try_out(
    checkpoint: Checkpoint,
    trial: Trial,
    precision: Precision,
    *,
    tell: Callable[[str], None],
    advance: Callable[[], None],
) -> BriefCounts:
    """What is counted on the images that are left for it; `advance` is called after each.

    Raises ImageError or DataError at the first file that cannot be used.
    """
    request = Request(
        measures=choose_measures(
            None,
            fitted=checkpoint.header.calibrated_for,
            interpolate="scalar",
            uncalibrated=checkpoint.header.model.says_how_sure,
        ),
        longest_side=trial.longest_side,
    )
    return count_predictions(
        make_segmenter(checkpoint, request, engine="openvino", precision=precision, tell=tell),
        trial.compared,
        ignore_index=trial.ignore_index,
        id_map=trial.id_map,
        max_pixels=trial.max_pixels,
        workers=default_workers(),
        seen=lambda levels: advance(),
    )
