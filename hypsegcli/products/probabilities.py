"""Class probabilities, for whoever computes on."""

from __future__ import annotations

from hypsegcli.images.npy import encode_npy
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product


class Probabilities(Product):
    """(K, H, W) float16."""

    kind = "probabilities"
    formats = ("npy",)
    needs_probabilities = True

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A NumPy file; ValueError where the request did not ask for probabilities."""
        if prediction.probabilities is None:
            raise ValueError("the prediction holds no probabilities; set them in its request")
        return encode_npy(prediction.probabilities)


PRODUCT = Probabilities()
