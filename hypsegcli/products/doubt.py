"""Doubt maps: the heatmap over the photograph, so that one sees what it is that the network is unsure of."""

from __future__ import annotations

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.images.png import encode_rgb_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.pictures.heatmap import heat_over
from hypsegcli.products.product import Context, Product


class Doubt(Product):
    """A picture for people, wider than the photograph by its bar, unless none is wanted."""

    kind = "doubt"
    has_legend = True

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A PNG in colour."""
        plane = prediction.main
        title = MEASURES[plane.measure].doubt_title
        shown = heat_over(photograph, plane.doubt(), title=title, bar=context.legend, valid=prediction.valid)
        return encode_rgb_png(shown)


PRODUCT = Doubt()
