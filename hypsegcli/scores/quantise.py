"""A network in int8, and what its scores on other images are worth beside those in fp32."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypsegcli.checkpoint.format import Quantisation
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.files.threads import default_workers
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.engines.quantise import as_input, compare_with_fp32, made_with, quantise
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.request import Precision, Request
from hypsegcli.scores.brief import BriefScores, brief_scores
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

_TIMED = 10  # images whose labels are compared and whose time is taken


@dataclass(frozen=True, kw_only=True)
class Trial:
    """On what a network is quantised, and on what it is tried."""

    adjusted: Sequence[Pair]
    compared: Sequence[Pair]
    ignore_index: int
    id_map: IdMap | None
    longest_side: int | None
    max_pixels: int


def quantise_on(checkpoint: Checkpoint, trial: Trial, *, tell: Callable[[str], None]) -> Checkpoint:
    """The checkpoint with its network in int8 as well, as it is to be written; its SHA-256 is not that of a file yet.

    `tell` hears of what takes long. Raises ValueError for a network that cannot be traced, ImageError at the first file
    that cannot be used.
    """

    def pictures(pairs: Sequence[Pair]) -> list[RGB]:
        found = (decode_image(pair.image, max_pixels=trial.max_pixels).pixels for pair in pairs if pair.image)
        return [as_input(pixels, longest_side=trial.longest_side) for pixels in found]

    int8 = quantise(checkpoint, pictures(trial.adjusted), tell=tell)
    timed = trial.compared[:: -(-len(trial.compared) // _TIMED)]
    near = compare_with_fp32(checkpoint, int8, pictures(timed))
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
) -> BriefScores:
    """Scores on the images that are left for it; `advance` is called after each.

    Raises ImageError or DataError at the first file that cannot be used.
    """
    measure = "calibrated" if checkpoint.header.calibration else "distance"
    request = Request(measures=(measure,), longest_side=trial.longest_side)
    return brief_scores(
        make_segmenter(checkpoint, request, engine="openvino", precision=precision, tell=tell),
        trial.compared,
        ignore_index=trial.ignore_index,
        id_map=trial.id_map,
        max_pixels=trial.max_pixels,
        workers=default_workers(),
        advance=advance,
    )
