"""What QGIS takes up beside a label map."""

from __future__ import annotations

from xml.etree import ElementTree

from support.maps import HEADER, PHOTOGRAPH, header_of, prediction

from hypsegcli.files.kinds import STYLE, folder_of
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.products.product import Context, find_products, with_beside
from hypsegcli.products.style import PRODUCT


def test_every_class_has_its_name_and_colour() -> None:
    names = ["sky", 'a <b> & "c"', "Bäume", "a\x01\ud800b"]
    context = Context.of(header_of(flat_tree(names)), "", format="tif")
    root = ElementTree.fromstring(PRODUCT.encode(PHOTOGRAPH, prediction(), context))
    renderer = root.find("pipe/rasterrenderer")
    assert renderer is not None
    assert (root.tag, renderer.get("type"), renderer.get("band")) == ("qgis", "paletted", "1")
    entries = renderer.findall("colorPalette/paletteEntry")
    assert [entry.get("value") for entry in entries] == ["0", "1", "2", "3"]
    assert [entry.get("label") for entry in entries] == [*names[:3], "ab"]
    assert [entry.get("color") for entry in entries] == ["#000007", "#010007", "#020007", "#030007"]


def test_it_goes_with_label_maps_that_are_tiffs() -> None:
    products = find_products(["overlay", "labels", "confidence"], ["distance"])
    assert with_beside(products, "png") == with_beside(products, "npy") == products
    found = [product.kind for product in with_beside(products, "tif")]
    assert found == ["overlay", "labels", "confidence", STYLE]
    assert folder_of(STYLE) == "labels"
    assert PRODUCT.suffix("tif") == ".qml"
    assert PRODUCT.of_all(Context.of(HEADER, "")) == PRODUCT.encode(PHOTOGRAPH, prediction(), Context.of(HEADER, ""))
