"""Confidence maps: a folder for every measure, that of the main one is called `confidence`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.planes import Plane
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.npy import encode_npy
from hypsegcli.images.png import encode_grey16_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import NODATA_LEVEL, Context, Product, TiffPlane, levels_with_nodata


class Confidence(Product):
    """Levels of 16 bits, white at full scale; as .npy float32 in the measure's own unit."""

    formats = ("png", "npy", "tif")

    def __init__(self, measure: str | None = None) -> None:
        """Of a measure besides the main one, or of the main one."""
        self.kind = "confidence" if measure is None else f"confidence-{measure}"
        self._measure = measure

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A PNG, or the values themselves."""
        plane, valid = self._plane(prediction), prediction.valid
        if context.format == "npy":
            return encode_npy(plane.values if valid is None else np.where(valid, plane.values, np.float32(np.nan)))
        levels = levels_with_nodata(plane.share(), valid)
        return encode_grey16_png(levels, _metadata(plane, context, valid).png_text())

    def tiff(self, prediction: Prediction, context: Context) -> TiffPlane:
        """The levels of the PNG."""
        plane, valid = self._plane(prediction), prediction.valid
        metadata = _metadata(plane, context, valid)
        return TiffPlane(levels_with_nodata(plane.share(), valid), metadata, nodata=metadata.nodata)

    def further(self, measures: Sequence[str]) -> tuple[Product, ...]:
        """One a measure."""
        return tuple(Confidence(measure) for measure in measures)

    def _plane(self, prediction: Prediction) -> Plane:
        return prediction.main if self._measure is None else prediction.confidence[self._measure]


def _metadata(plane: Plane, context: Context, valid: NDArray[np.bool_] | None) -> MapMetadata:
    measure = MEASURES[plane.measure]
    nodata = {} if valid is None else {"nodata": NODATA_LEVEL}
    of_nodes = context.level is not None and measure.formula_of_node
    return context.metadata(
        "confidence",
        measure=plane.measure,
        formula=of_nodes or measure.formula,
        full_scale=plane.full_scale,
        decode="value / 65535 * full_scale",
        **nodata,
    )


def mean_confidence(prediction: Prediction) -> dict[str, float]:
    """What is kept of an image: the mean of its main plane, of what has data; nothing where that is no pixel."""
    plane = prediction.main
    values = plane.values if prediction.valid is None else plane.values[prediction.valid]
    return {f"mean {plane.measure}": round(float(values.mean()), 6)} if values.size else {}


PRODUCT = Confidence()
