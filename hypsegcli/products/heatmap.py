"""Heatmaps: the main measure's uncertainty in colour, with a bar that says what colours mean."""

from __future__ import annotations

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.images.png import encode_rgb_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.pictures.heatmap import heatmap
from hypsegcli.products.product import Context, Product


class Heatmap(Product):
    """A picture for people, wider than the photograph by its bar."""

    kind = "heatmap"

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A PNG in colour."""
        plane = prediction.main
        return encode_rgb_png(heatmap(plane.doubt(), title=MEASURES[plane.measure].doubt_title, valid=prediction.valid))


PRODUCT = Heatmap()
