"""Uncertainty maps: what the main measure's plane lacks to full scale."""

from __future__ import annotations

import numpy as np

from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.regions import wrong_by_class
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
        by_class = wrong_by_class(prediction.labels, chance.values, prediction.valid)
        statistics["expected_wrong"] = round(float(by_class.sum()), 3)
    return statistics | mean_confidence(prediction)


PRODUCT = Uncertainty()
