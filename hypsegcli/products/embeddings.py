"""Embeddings on the network's grid, for whoever computes on in hyperbolic space."""

from __future__ import annotations

import numpy as np

from hypsegcli.images.npy import encode_npz
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.network.config import IN_BALL
from hypsegcli.products.product import Context, Product

_TANGENT = (
    "v = embeddings[:, y, x] is the tangent vector at the origin; distance to the origin 2 |v|, "
    "point of the ball tanh(sqrt(c) |v|) v / (sqrt(c) |v|), c the curvature"
)
_EUCLIDEAN = "v = embeddings[:, y, x] is what the classifier takes; there is no ball"


class EmbeddingArrays(Product):
    """(D, h, w) float16, with what places them: the curvature, and how many pixels of the image a cell has."""

    kind = "embeddings"
    formats = ("npz",)
    needs_embeddings = True

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """A NumPy archive; ValueError where the request did not ask for embeddings."""
        if prediction.embeddings is None:
            raise ValueError("the prediction holds no embeddings; set them in its request")
        in_ball = context.head in IN_BALL
        metadata = context.metadata(self.kind, formula=_TANGENT if in_ball else _EUCLIDEAN)
        return encode_npz(
            embeddings=prediction.embeddings.vectors,
            cell=np.array(prediction.embeddings.cell),
            size=np.array(photograph.shape[:2]),
            hypseg=np.array(metadata.json_text()),
            **({"curvature": np.array(context.curvature)} if in_ball else {}),
        )


PRODUCT = EmbeddingArrays()
