"""Which pixels a second pass over an image should see, by the boundaries that a first, small one finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.errors import UsageError, setting
from hypsegcli.inference.request import Tile
from hypsegcli.sampling.choice import Sampling, refuse_without_scipy

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header, InputSpec

# Of the longest side that is sampled, the guide's, where nobody names one: a quarter of the work. A third, a ninth of
# the work, sees too little, and where it is wrong samples are missing.
_SHARE = 2
_LEAST = 16  # pixels


def of_another_sampling(header: Header, sampling: Sampling) -> str | None:
    """A sentence where a checkpoint's calibration is of images that were sampled in another way; else None."""
    fitted = header.calibration
    if fitted is None or fitted.sampling == sampling:
        return None
    return (
        f"this checkpoint's calibration is one for {setting('sampling', fitted.sampling)}, so that 'calibrated' is not "
        f"to be had with {setting('sampling', sampling)}; fit one with hypseg calibrate and that"
    )


def usual_guide_side(longest_side: int) -> int:
    """That of the first pass where nobody names one, in pixels."""
    return max(_LEAST, longest_side // _SHARE)


def decide_guide_side(
    sampling: Sampling, asked: int | None, *, longest_side: int | None, trained: InputSpec, tile: Tile
) -> int | None:
    """The longest side of images in the pass that guides sampling, in pixels; None where they are sampled evenly.

    `asked` is a number, or None for half of `longest_side`, to which images are shrunk otherwise; `trained` says
    what the network has learned from. UsageError for what cannot be.
    """
    named = setting("sampling", "adaptive")
    if sampling == "uniform":
        if asked is not None:
            raise UsageError(f"{setting('guide_side', asked)} belongs to {named}; add that, or leave it out")
        return None
    if trained.sampling != "adaptive":
        raise UsageError(
            f"{named}: this network has learned from images that were sampled evenly, and others would look wrong to "
            f"it; train one with hypseg train and {named}, or leave it out"
        )
    if isinstance(tile, int):
        raise UsageError(f"{named} needs images whole; leave out {setting('tile')}")
    if longest_side is None:
        raise UsageError(
            f"{named} chooses among the pixels of images that are shrunk; say to how many with "
            f"{setting('longest_side')}, in numbers"
        )
    if longest_side <= _LEAST:
        raise UsageError(
            f"{named}: a first pass has {_LEAST} pixels or more, and fewer than {setting('longest_side')}, which is "
            f"{longest_side}; name more"
        )
    side = usual_guide_side(longest_side) if asked is None else asked
    if not _LEAST <= side < longest_side:
        raise UsageError(
            f"{setting('guide_side', side)}: expected {_LEAST} pixels or more, and fewer than the {longest_side} of "
            f"{setting('longest_side')}: a first pass as large as the second is better the only one"
        )
    refuse_without_scipy()
    return side
