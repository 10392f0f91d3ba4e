"""Confidence maps: a folder for every measure, that of the main one is called `confidence`."""

from __future__ import annotations

from collections.abc import Sequence

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.planes import Plane
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.npy import encode_npy
from hypsegcli.images.png import encode_grey16_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product, TiffPlane


class Confidence(Product):
    """Levels of 16 bits, white at full scale; as .npy float32 in the measure's own unit."""

    formats = ("png", "npy", "tif")

    def __init__(self, measure: str | None = None) -> None:
        """Of a measure besides the main one, or of the main one."""
        self.kind = "confidence" if measure is None else f"confidence-{measure}"
        self._measure = measure

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A PNG, or the values themselves."""
        plane = self._plane(prediction)
        if context.format == "npy":
            return encode_npy(plane.values)
        return encode_grey16_png(plane.levels(), _metadata(plane, context).png_text())

    def tiff(self, prediction: Prediction, context: Context) -> TiffPlane:
        """The levels of the PNG."""
        plane = self._plane(prediction)
        return TiffPlane(plane.levels(), _metadata(plane, context))

    def further(self, measures: Sequence[str]) -> tuple[Product, ...]:
        """One a measure."""
        return tuple(Confidence(measure) for measure in measures)

    def _plane(self, prediction: Prediction) -> Plane:
        return prediction.main if self._measure is None else prediction.confidence[self._measure]


def _metadata(plane: Plane, context: Context) -> MapMetadata:
    measure = MEASURES[plane.measure]
    of_nodes = context.level is not None and measure.formula_of_node
    return context.metadata(
        "confidence",
        measure=plane.measure,
        formula=of_nodes or measure.formula,
        full_scale=plane.full_scale,
        decode="value / 65535 * full_scale",
    )


def mean_confidence(prediction: Prediction) -> dict[str, float]:
    """What is kept of an image: the mean of its main plane."""
    plane = prediction.main
    return {f"mean {plane.measure}": round(float(plane.values.mean()), 6)}


PRODUCT = Confidence()
