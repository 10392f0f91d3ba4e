"""From the products of a run to what it does with each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypsegcli.images.georeference import Georeference
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product, TiffPlane

Encoder = Callable[[RGB, Prediction], bytes]  # from the upright photograph (H, W, 3) and its prediction
Summary = Callable[[Prediction], dict[str, float]]
Weigh = Callable[[RGB, Prediction], dict[str, Any]]  # what lines of a manifest have of what is worth a look


@dataclass(frozen=True)
class Outputs:
    """The encoders of a run, by kind, and the numbers kept of each image."""

    encoders: Mapping[str, Encoder]
    summarise: Summary
    tiffs: Mapping[str, Callable[[Prediction], TiffPlane]] = field(default_factory=dict)  # those of them that are
    weigh: Weigh | None = None  # None: nobody asks what is worth a look

    def encode(self, kind: str, photograph: RGB, prediction: Prediction, georeference: Georeference = ()) -> bytes:
        """The file of a kind; a TIFF lies where the photograph does."""
        if kind in self.tiffs:
            return self.tiffs[kind](prediction).encode(georeference)
        return self.encoders[kind](photograph, prediction)


def make_outputs(
    products: Sequence[Product], context: Context, summarise: Summary, weigh: Weigh | None = None
) -> Outputs:
    """The products of a run, in their order."""
    tiffs = {
        product.kind: partial(product.tiff, context=context)
        for product in products
        if product.format(context.format) == "tif"
    }
    encoders: dict[str, Encoder] = {}
    for product in products:
        if product.kind in tiffs:
            encoders[product.kind] = partial(_encode_tiff, tiffs[product.kind])
        else:
            encoders[product.kind] = partial(product.encode, context=context)
    return Outputs(encoders, summarise, tiffs, weigh)


def _encode_tiff(tiff: Callable[[Prediction], TiffPlane], _: RGB, prediction: Prediction) -> bytes:
    return tiff(prediction).encode()
