"""Uncertainty maps: what the main measure's plane lacks to full scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.regions import Bounds, expected_wrong, find_regions
from hypsegcli.images.png import encode_grey16_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.product import Context, Product


class Uncertainty(Product):
    """Levels of 16 bits, white where nothing is known."""

    kind = "uncertainty"

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A grey PNG."""
        plane = prediction.main
        formula = f"1 - ({MEASURES[plane.measure].formula}) / {plane.full_scale:.6g}"
        metadata = context.metadata(self.kind, measure=plane.measure, formula=formula, full_scale=1.0)
        return encode_grey16_png(to_levels(plane.doubt()), metadata.png_text())


def doubt_statistics(prediction: Prediction) -> dict[str, float]:
    """What is kept of an image: what predict keeps, and mean, median and 95th percentile of its uncertainty.

    And where the probability is known that a pixel is right, the expected number of those that are wrong.
    """
    values = prediction.main.doubt()
    median, p95 = np.quantile(values, (0.5, 0.95))
    statistics = {"mean": float(values.mean()), "median": float(median), "p95": float(p95)}
    if (chance := prediction.confidence.get("calibrated")) is not None:
        statistics["expected_wrong"] = round(expected_wrong(chance.values), 3)
    return statistics | mean_confidence(prediction)


def regions_of(prediction: Prediction, *, context: Context, bounds: Bounds) -> list[dict[str, Any]]:
    """The regions of an image that are likely to be wrong, as a line of the manifest has them; see find_regions.

    The prediction has the plane `calibrated`.
    """
    found = find_regions(prediction.labels, prediction.confidence["calibrated"].values, bounds)
    return [
        {
            "box": [region.x, region.y, region.width, region.height],
            "area": region.area,
            "expected_wrong": region.expected_wrong,
            "classes": {context.names[index]: pixels for index, pixels in region.classes.items()},
        }
        for region in found
    ]


PRODUCT = Uncertainty()
