"""The measures of confidence: what they are called, and how far they reach. Imports no torch, so that help is instant.

Every measure has a full scale that depends on the checkpoint alone, so values compare across images; its
uncertainty is `1 - confidence / full scale`, in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hypsegcli.errors import UsageError, setting

# How the ball reaches the image's pixels: `scalar` interpolates the distance; `points` interpolates the points of the
# ball and measures the blend, as the reference does: its map also dips where neighbouring pixels are both certain and
# merely point apart.
Interpolation = Literal["scalar", "points"]


@dataclass(frozen=True)
class Measure:
    """A measure of confidence."""

    name: str
    title: str  # for legends
    formula: str  # in words, for file metadata
    needs_probabilities: bool = False
    needs_calibration: bool = False
    doubt: str = ""  # the title of its complement, where that has a name
    formula_of_node: str = ""  # the same of an answer that may be an inner node, where that has one of its own

    @property
    def doubt_title(self) -> str:
        """The title of its complement, for legends."""
        return self.doubt or f"uncertainty ({self.title})"


MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            "calibrated",
            "probability of being right",
            "probability that the pixel is right, as fitted to its distance to the origin, or to its entropy where a "
            "network has none",
            needs_calibration=True,
            doubt="probability of being wrong",
            formula_of_node="probability that the answer is right: for a class as fitted to the distance to the "
            "origin, the rest divided among the other classes as the softmax divides it",
        ),
        Measure("distance", "distance to the origin", "geodesic distance to the origin of the ball"),
        Measure(
            "norm",
            "norm in the ball",
            "Euclidean norm over the ball's radius, tanh(sqrt(c) distance / 2)",
        ),
        Measure(
            "entropy",
            "1 - entropy",
            "1 - entropy of the class probabilities / ln K",
            needs_probabilities=True,
            doubt="entropy",
        ),
        Measure(
            "margin",
            "margin",
            "largest minus second largest class probability",
            needs_probabilities=True,
            doubt="1 - margin",
        ),
        Measure(
            "max-probability",
            "largest probability",
            "largest class probability",
            needs_probabilities=True,
            doubt="1 - largest probability",
            formula_of_node="probability of the answer, the sum of the classes below it",
        ),
    )
}


def available(*, calibrated: bool) -> tuple[str, ...]:
    """The measures of a checkpoint that carries a calibration, or none."""
    return tuple(name for name, measure in MEASURES.items() if calibrated or not measure.needs_calibration)


def choose_measures(
    names: Sequence[str] | Literal["all"] | None,
    *,
    fitted: Interpolation | None,
    interpolate: Interpolation,
    uncalibrated: str = "distance",
) -> tuple[str, ...]:
    """The measures of those names, each once, for a checkpoint whose calibration is `fitted` to one way, or to none.

    None: what the checkpoint can say best, the probability of being right where it is calibrated for `interpolate`,
    else the one that is `uncalibrated`. Raises UsageError for a measure that does not exist, or not for this
    checkpoint.
    """
    calibrated = fitted == interpolate
    if names is None:
        return ("calibrated" if calibrated else uncalibrated,)
    known = available(calibrated=calibrated)
    if names == "all" and not calibrated:
        known = tuple(dict.fromkeys((uncalibrated, *known)))
    chosen = known if names == "all" else tuple(dict.fromkeys(names))
    if "calibrated" in chosen and fitted is None:
        raise UsageError("this checkpoint carries no calibration; fit one with hypseg calibrate")
    if "calibrated" in chosen and (another := of_another_way(fitted, interpolate)):
        raise UsageError(f"{another}, or name another measure")
    if not chosen or set(chosen) - set(MEASURES):
        raise UsageError(f"expected all, or some of {', '.join(MEASURES)}")
    return chosen


def of_another_way(fitted: Interpolation | None, interpolate: Interpolation) -> str | None:
    """A sentence where a checkpoint's calibration is of distances that reach the pixels in another way; else None."""
    if fitted is None or fitted == interpolate:
        return None
    return (
        f"this checkpoint's calibration is one for {setting('interpolate', fitted)} and says nothing of distances that "
        f"reach the pixels as {interpolate}, so that 'calibrated' is not to be had; fit one with hypseg calibrate and "
        f"{setting('interpolate', interpolate)}"
    )


def of_another_precision(fitted_in_int8: bool | None, precision: str) -> str | None:
    """A sentence where a calibration was fitted in int8 and the network runs in another precision, or the other way.

    None without a calibration too, and between fp32 and bf16, where distances are alike.
    """
    if fitted_in_int8 is None or fitted_in_int8 == (precision == "int8"):
        return None
    fitted, same = ("int8", "int8") if fitted_in_int8 else ("fp32 or bf16", "fp32")
    return (
        f"this checkpoint's calibration was fitted in {fitted}, and it runs in {precision}, where distances are "
        f"others: 'calibrated' may promise too much or too little; use {setting('precision', same)}, or fit one with "
        f"hypseg calibrate and {setting('precision', precision)}"
    )


def full_scale(name: str, *, max_distance: float) -> float:
    """The largest value a measure can take; the unit of `distance` is that of the ball, the others have none."""
    return max_distance if name == "distance" else 1.0


def full_scales(names: Iterable[str], *, max_distance: float) -> dict[str, float]:
    """Measure to full scale, in the order of the names."""
    return {name: full_scale(name, max_distance=max_distance) for name in names}
