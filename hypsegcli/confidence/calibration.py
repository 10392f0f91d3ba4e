"""Calibration: what a distance to the origin is worth, and how that is learned from counts of right and wrong pixels.

Isotonic regression (Zadrozny and Elkan, 2002): the rising curve that is nearest to the shares
of right pixels. It is fitted to bins of equal width, those with few pixels joined, so that it follows the counts and
not their noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, model_validator

from hypsegcli.confidence.levels import LEVELS
from hypsegcli.confidence.measures import Interpolation
from hypsegcli.errors import DataError
from hypsegcli.files.mark import MOST_MARKS, Mark, kept_marks
from hypsegcli.isotonic import isotonic
from hypsegcli.sampling.choice import Sampling

_BINS = 128  # of the full scale
_COARSE = 1024  # the same, for the mean over an image
_LEAST = 1e-4  # share of all pixels that a bin must have
_UNUSUAL = 0.02  # share of a checkpoint's own images that are less sure than the usual

Distance = Annotated[float, Field(ge=0, le=1e6)]  # far beyond every full scale
Probability = Annotated[float, Field(ge=0, le=1)]


class Calibration(BaseModel):
    """What a distance to the origin is worth: the probability that the pixel is right, linear between knots."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    distances: Annotated[tuple[Distance, ...], FailFast()] = Field(min_length=2, max_length=LEVELS)  # rising
    probabilities: Annotated[tuple[Probability, ...], FailFast()]  # one a distance, never falling
    fitted_on: str  # which images; scores on them are no test of it
    interpolate: Interpolation = "scalar"  # how the distances reached the pixels; in the other way they are others
    sampling: Sampling = "uniform"  # how the images were; in the other way distances are others
    measure: Literal["distance", "entropy"] = "distance"  # what the distances are: of "entropy", values of that measure
    int8: bool = False  # whether they are those of the network in int8, which are others; in bf16 they are as in fp32
    # The mean probability over an image that all but one in fifty of those images reach; None: it was not looked at.
    usual: float | None = Field(default=None, ge=0, le=1)
    # Those images, by their files; of more than 20,000 those with the smallest marks. Empty: they were not kept.
    images: Annotated[tuple[Mark, ...], FailFast()] = Field(default=(), max_length=MOST_MARKS)

    @property
    def of_another_world(self) -> float | None:
        """The mean probability below which an image most likely shows another world: half of the usual one.

        Images of its own kind from other places lie between the two: they are harder, and not another world.
        """
        return None if self.usual is None else self.usual / 2.0

    @property
    def least(self) -> float:
        """The least probability in the network's own world; below it the curve falls to 0, towards other worlds."""
        return next((probability for probability in self.probabilities if probability > 0.0), 1.0)

    @model_validator(mode="after")
    def _rises(self) -> Calibration:
        if len(self.distances) != len(self.probabilities):
            raise ValueError(f"{len(self.distances)} distances and {len(self.probabilities)} probabilities")
        if any(b <= a for a, b in pairwise(self.distances)) or any(b < a for a, b in pairwise(self.probabilities)):
            raise ValueError("a calibration must rise: every distance above the last, no probability below it")
        return self


def fit_calibration(
    table: NDArray[np.int64],
    images: Sequence[NDArray[np.int64]] = (),
    *,
    full_scale: float,
    fitted_on: str,
    marks: Iterable[str] = (),
    interpolate: Interpolation = "scalar",
    sampling: Sampling = "uniform",
    measure: Literal["distance", "entropy"] = "distance",
    int8: bool = False,
) -> Calibration:
    """The calibration for a (65536, 2) table of right and wrong pixels by level of distance.

    `images` has an `image_counts` for each image; without a pixel there is no `usual`. `fitted_on` says in words which
    images were counted, `marks` has an `image_mark` of each, `interpolate` how the distances reached their pixels,
    `sampling` how the images were; `int8`: the network ran in that.

    Raises DataError where all pixels are right or all wrong, or all lie at one distance: nothing can be learned there.
    """
    right, pixels = table[:, 0], table.sum(1)
    if not table.sum(0).all():
        raise DataError("all pixels are right, or all are wrong: a calibration needs both; take more images")
    edges = _edges(pixels)
    counts, hits = (np.add.reduceat(column, edges) for column in (pixels, right))
    middles = np.add.reduceat(pixels * np.arange(LEVELS), edges) / counts / (LEVELS - 1) * full_scale
    if len(middles) < 2:
        what = "lie at one distance to the origin" if measure == "distance" else f"have one {measure}"
        raise DataError(f"all pixels {what}: a calibration would tell nothing")
    # Half a pixel of either kind more in every bin: nothing is ever entirely sure.
    shares = isotonic((hits + 0.5) / (counts + 1.0), counts)
    # Nearer to the origin than nearly all pixels of the network's own world, nothing is known to be right, and at the
    # origin nothing is: what lies there is of another world, most likely.
    nearest = int(np.searchsorted(pixels.cumsum(), _LEAST * pixels.sum(), side="right")) / (LEVELS - 1) * full_scale
    if 0.0 < nearest < middles[0]:
        middles, shares = np.append(nearest, middles), np.append(shares[0], shares)
    if nearest > 0.0 and middles[0] > 0.0:
        middles, shares = np.append(0.0, middles), np.append(0.0, shares)
    means = [_mean(counts, middles, shares, full_scale) for counts in images if counts.any()]
    usual = float(np.quantile(means, _UNUSUAL)) if means else None
    return Calibration(
        distances=tuple(middles.tolist()),
        probabilities=tuple(shares.tolist()),
        fitted_on=fitted_on,
        interpolate=interpolate,
        sampling=sampling,
        measure=measure,
        int8=int8,
        usual=usual,
        images=kept_marks(marks),
    )


def image_counts(levels: NDArray[np.uint16]) -> NDArray[np.int64]:
    """(1024,) pixels of an image by level of distance, labelled or not, for `fit_calibration`."""
    return np.bincount(levels.ravel() // (LEVELS // _COARSE), minlength=_COARSE)


def _mean(
    counts: NDArray[np.int64], distances: NDArray[np.float64], probabilities: NDArray[np.float64], full_scale: float
) -> float:
    """The mean probability over an image."""
    middles = (np.arange(_COARSE) + 0.5) / _COARSE * full_scale
    return float(np.average(np.interp(middles, distances, probabilities), weights=counts))


def _edges(pixels: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where bins begin: each has a share of all pixels."""
    least = max(1.0, _LEAST * pixels.sum())
    edges, held = [0], 0
    for start in range(0, LEVELS, LEVELS // _BINS):
        if held >= least:
            edges.append(start)
            held = 0
        held += int(pixels[start : start + LEVELS // _BINS].sum())
    if held < least and len(edges) > 1:
        edges.pop()  # the last one joins its neighbour
    return np.array(edges, np.intp)
