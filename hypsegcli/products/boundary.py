"""Boundary maps: where confidence dips between two surer regions."""

from __future__ import annotations

from hypsegcli.confidence.boundary import RADIUS, SMOOTHING, boundary_map
from hypsegcli.images.png import encode_grey8_png
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product


class Boundary(Product):
    """The strength of the boundary in the main measure's plane, 8 bits."""

    kind = "boundary"

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A grey PNG."""
        plane = prediction.main
        method = (
            f"min(1, 2 (closing - f) / closing), f the {plane.measure} plane after a Gaussian of {SMOOTHING} pixels, "
            f"closing with a disk of radius {RADIUS} pixels"
        )
        metadata = context.metadata(self.kind, method=method, full_scale=1.0)
        return encode_grey8_png(boundary_map(plane, prediction.valid), metadata.png_text())


PRODUCT = Boundary()
