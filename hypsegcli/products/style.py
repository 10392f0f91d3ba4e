"""Style files of QGIS: the names and colours of classes, beside label maps that are TIFFs.

QGIS takes up `labels/KEY.qml` where it opens `labels/KEY.tif`. A TIFF's own colour map has no names, and one of 16 bits
has none. What QGIS 3 saves of a layer that is drawn by values, of it the renderer alone.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from hypsegcli.files.kinds import STYLE
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context, Product

_HEAD = """<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
      <rasterTransparency/>
      <colorPalette>
"""
_TAIL = """      </colorPalette>
    </rasterrenderer>
    <rasterresampler zoomedInResampler="nearest" maxOversampling="2"/>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
"""


class Style(Product):
    """The same file for every image of a run."""

    kind = STYLE
    formats = ("qml",)

    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """XML."""
        return self.of_all(context)

    def of_all(self, context: Context) -> bytes:
        """As Product says."""
        entries = "".join(
            f'        <paletteEntry value="{value}" color="#{red:02x}{green:02x}{blue:02x}" alpha="255" '
            f"label={quoteattr(_printable(name))}/>\n"
            for value, (name, (red, green, blue)) in enumerate(zip(context.names, context.palette, strict=True))
        )
        return f"{_HEAD}{entries}{_TAIL}".encode("utf-8", "replace")


def _printable(name: str) -> str:
    """A name without what XML cannot hold."""
    return "".join(letter for letter in name if letter.isprintable())


PRODUCT = Style()
