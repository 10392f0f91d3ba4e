"""Uncertainty maps: what the main measure's plane lacks to full scale."""

from __future__ import annotations

import numpy as np

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.regions import wrong_by_class
from hypsegcli.images.png import encode_grey16_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.product import NODATA_LEVEL, Context, Product, levels_with_nodata


class Uncertainty(Product):
    """Levels of 16 bits, white where nothing is known."""

    kind = "uncertainty"

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A grey PNG."""
        plane = prediction.main
        formula = f"1 - ({MEASURES[plane.measure].formula}) / {plane.full_scale:.6g}"
        nodata = {} if prediction.valid is None else {"nodata": NODATA_LEVEL}
        metadata = context.metadata(self.kind, measure=plane.measure, formula=formula, full_scale=1.0, **nodata)
        return encode_grey16_png(levels_with_nodata(plane.doubt(), prediction.valid), metadata.png_text())


def doubt_statistics(prediction: Prediction, *, chance: str) -> dict[str, float]:
    """What is kept of an image: what predict keeps, and mean, median and 95th percentile of its uncertainty.

    And the expected number of wrong pixels, by the measure `chance` that says how likely each is right. Of what has
    data; nothing where no pixel has any, so that it is not ranked.
    """
    values = prediction.main.doubt()
    if prediction.valid is not None:
        values = values[prediction.valid]
    if not values.size:
        return {}
    median, p95 = np.quantile(values, (0.5, 0.95))
    statistics = {"mean": float(values.mean()), "median": float(median), "p95": float(p95)}
    by_class = wrong_by_class(prediction.labels, prediction.confidence[chance].values, prediction.valid)
    statistics["expected_wrong"] = round(float(by_class.sum()), 3)
    return statistics | mean_confidence(prediction)


PRODUCT = Uncertainty()
