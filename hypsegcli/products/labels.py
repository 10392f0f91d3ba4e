"""Label maps: the id of a class, or of another node of the tree, at every pixel."""

from __future__ import annotations

import numpy as np

from hypsegcli.files.kinds import Format
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.png import encode_indexed_png
from hypsegcli.inference.nodata import void_of
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product, TiffPlane, with_void


class Labels(Product):
    """Ids with their palette and names; of 16 bits where there are more than 256."""

    kind = "labels"
    formats = ("png", "tif")

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """An indexed PNG."""
        palette = with_void(context.palette, prediction.labels, prediction)
        return encode_indexed_png(prediction.labels, palette, self._metadata(prediction, context).png_text())

    def tiff(self, prediction: Prediction, context: Context) -> TiffPlane:
        """The same ids, of 8 bits with the palette, of 16 without."""
        metadata = self._metadata(prediction, context)
        if len(with_void(context.palette, prediction.labels, prediction)) > 256:
            return TiffPlane(prediction.labels.astype(np.uint16), metadata, nodata=metadata.void)
        return TiffPlane(prediction.labels.astype(np.uint8), metadata, context.palette, nodata=metadata.void)

    def beside(self, wanted: Format) -> tuple[Product, ...]:
        """A style file for QGIS, with TIFFs."""
        from hypsegcli.products.style import PRODUCT as STYLE

        return (STYLE,) if self.format(wanted) == "tif" else ()

    def _metadata(self, prediction: Prediction, context: Context) -> MapMetadata:
        tree = {} if context.parents is None else {"parents": context.parents}
        threshold = {} if context.threshold is None else {"threshold": context.threshold}
        refine = {} if context.refine is None else {"refine": context.refine}
        void = {} if prediction.valid is None else {"void": void_of(prediction.labels)}
        return context.metadata(
            self.kind,
            names=context.names,
            ignore_index=context.ignore_index,
            **void,
            level=context.level,
            **tree,
            **threshold,
            **refine,
        )


PRODUCT = Labels()
