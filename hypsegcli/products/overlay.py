"""Overlays: the photograph under its classes, with a legend."""

from __future__ import annotations

from hypsegcli.images.png import encode_rgb_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.pictures.overlay import overlay
from hypsegcli.products.product import Context, Product


class Overlay(Product):
    """A picture for people, wider than the photograph by its legend, unless none is wanted."""

    kind = "overlay"
    has_legend = True

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A PNG in colour."""
        picture = overlay(
            photograph,
            prediction.labels,
            context.palette,
            context.names,
            background=context.background,
            valid=prediction.valid,
            legend=context.legend,
        )
        return encode_rgb_png(picture)


PRODUCT = Overlay()
