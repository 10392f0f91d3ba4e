"""From the products of a run to what it does with each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypsegcli.images.georeference import Georeference
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product, TiffPlane

UNPLACED = "none of its maps says where it lies on Earth, for none is a TIFF"
Encoder = Callable[[RGB, Prediction], bytes]  # from the upright photograph (H, W, 3) and its prediction
Summary = Callable[[Prediction], dict[str, float]]
Weigh = Callable[[RGB, Prediction], dict[str, Any]]  # what lines of a manifest have of what is worth a look


@dataclass(frozen=True)
class Outputs:
    """The encoders of a run, by kind, and the numbers kept of each image."""

    encoders: Mapping[str, Encoder]
    summarise: Summary
    tiffs: Mapping[str, Callable[[Prediction], TiffPlane]] = field(default_factory=dict)  # those of them that are
    # Those of them that take the place on Earth as well.
    located: Mapping[str, Callable[[RGB, Prediction, Georeference], bytes]] = field(default_factory=dict)
    same: Mapping[str, bytes] = field(default_factory=dict)  # those of them whose files are the same for all images
    weigh: Weigh | None = None  # None: nobody asks what is worth a look

    def notes(self, georeference: Georeference) -> tuple[str, ...]:
        """What is to be said of the files of an image that lies somewhere on Earth."""
        return (UNPLACED,) if georeference and not (self.tiffs or self.located) else ()

    def encode(self, kind: str, photograph: RGB, prediction: Prediction, georeference: Georeference = ()) -> bytes:
        """The file of a kind, which lies where the photograph does, if it can say so."""
        if kind in self.tiffs:
            return self.tiffs[kind](prediction).encode(georeference)
        if kind in self.located:
            return self.located[kind](photograph, prediction, georeference)
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
    located = {product.kind: partial(product.encode_at, context=context) for product in products if product.is_placed}
    same = {product.kind: data for product in products if (data := product.of_all(context)) is not None}
    return Outputs(encoders, summarise, tiffs, located, same, weigh)


def _encode_tiff(tiff: Callable[[Prediction], TiffPlane], _: RGB, prediction: Prediction) -> bytes:
    return tiff(prediction).encode()
