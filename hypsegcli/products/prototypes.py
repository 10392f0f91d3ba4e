"""Maps of prototypes: which of a class's answered, its modes in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.png import encode_indexed_png
from hypsegcli.inference.nodata import void_of
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product, TiffPlane, with_void

_DARK, _LIGHT = 0.55, 0.6  # how far the first shade of a class goes to black, and the last to white


class Prototypes(Product):
    """Numbers, and in PNGs of up to 256 of them shades of their classes' colours, from dark to light."""

    kind = "prototypes"
    formats = ("png", "tif")
    needs_prototypes = True

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """An indexed PNG; ValueError where the request did not ask for prototypes."""
        numbers = _of(prediction)
        palette = with_void(_shades(context), numbers, prediction)
        return encode_indexed_png(numbers, palette, self._metadata(prediction, context).png_text())

    def tiff(self, prediction: Prediction, context: Context) -> TiffPlane:
        """The same numbers, of 8 bits with the palette, of 16 without."""
        numbers, palette = _of(prediction), _shades(context)
        metadata = self._metadata(prediction, context)
        return TiffPlane(numbers, metadata, palette if numbers.dtype == np.uint8 else None, nodata=metadata.void)

    def _metadata(self, prediction: Prediction, context: Context) -> MapMetadata:
        P = context.prototypes
        names = tuple(f"{name} {number}" for name in context.names for number in range(P))
        void = {} if prediction.valid is None else {"void": void_of(_of(prediction))}
        return context.metadata(self.kind, names=names, **void, formula=f"class * {P} + prototype of the class")


def _of(prediction: Prediction) -> NDArray[np.uint8 | np.uint16]:
    if prediction.prototypes is None:
        raise ValueError("the prediction does not say which prototypes answered; set them in its request")
    return prediction.prototypes


def _shades(context: Context) -> NDArray[np.uint8]:
    """(K P, 3) of each class P shades."""
    P = context.prototypes
    steps = np.linspace(-_DARK, _LIGHT, P) if P > 1 else np.zeros(1)
    towards = np.where(steps < 0.0, 0.0, 255.0)[None, :, None]
    colors = context.palette[:, None].astype(np.float64)
    shades = colors + np.abs(steps)[None, :, None] * (towards - colors)
    return np.rint(shades).astype(np.uint8).reshape(-1, 3)


PRODUCT = Prototypes()
