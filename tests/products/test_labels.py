"""Label maps: the same ids in either format, of 16 bits where a palette has no room."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL.TiffImagePlugin import TiffImageFile
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, header_of, prediction, read_picture

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.nodata import leave_void
from hypsegcli.products.labels import PRODUCT
from hypsegcli.products.product import Context


@pytest.mark.parametrize("classes", [3, 256, 257, 300])
def test_ids_are_stored_as_they_are(classes: int) -> None:
    context = Context.of(header_of(flat_tree([f"class {k}" for k in range(classes)])), "ab")
    labels = np.random.default_rng(0).integers(0, classes, (HEIGHT, WIDTH)).astype(np.uint16)
    found = prediction(labels=labels)
    for data in (PRODUCT.encode(PHOTOGRAPH, found, context), PRODUCT.tiff(found, context).encode()):
        stored, image = read_picture(data)
        np.testing.assert_array_equal(stored, labels)
        assert image.mode == ("P" if classes <= 256 else "I;16")
        if classes <= 256:
            palette = np.asarray(image.getpalette()).reshape(-1, 3)
            np.testing.assert_array_equal(palette[:classes], context.palette)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, '"names": ["sky", "road", "car"], "ignore_index": 255, "level": null, '),
        ({"level": 1}, '"names": ["sky", "road", "car"], "ignore_index": 255, "level": 1, "parents": [-1, -1, -1], '),
        (
            {"level": "auto", "threshold": 0.7},
            '"names": ["sky", "road", "car", "undecided"], "ignore_index": 255, "level": "auto", '
            '"parents": [-1, -1, -1], "threshold": 0.7, ',
        ),
    ],
)
def test_the_text_says_what_ids_mean(options: dict[str, Any], text: str) -> None:
    _, image = read_picture(PRODUCT.encode(PHOTOGRAPH, prediction(), Context.of(HEADER, "ab", **options)))
    assert image.info["hypseg"] == (
        f'{{"kind": "labels", {text}"checkpoint": "ab", "curvature": 0.5, "head": "hyperbolic"}}'
    )


@pytest.mark.parametrize(
    ("nodes", "void", "mode"), [(3, 255, "P"), (254, 255, "P"), (255, 65535, "I;16"), (300, 65535, "I;16")]
)
def test_void_is_an_id_that_no_class_has_and_tiffs_declare_it(nodes: int, void: int, mode: str) -> None:
    context = Context.of(header_of(flat_tree([f"class {k}" for k in range(nodes)])), "ab")
    labels = np.random.default_rng(0).integers(0, nodes, (HEIGHT, WIDTH)).astype(np.uint8 if nodes < 256 else np.uint16)
    valid = np.random.default_rng(1).random(labels.shape) < 0.5
    found = leave_void(prediction(labels=labels), valid, nodes=nodes, prototypes=0)
    plane = PRODUCT.tiff(found, context)
    for data in (PRODUCT.encode(PHOTOGRAPH, found, context), plane.encode()):
        stored, image = read_picture(data)
        np.testing.assert_array_equal(stored, np.where(valid, labels.astype(int), void))
        assert image.mode == mode
        if mode == "P":
            palette = np.asarray(image.getpalette()).reshape(-1, 3)
            np.testing.assert_array_equal(palette[[*range(nodes), void]], [*context.palette, (0, 0, 0)])
    assert TiffImageFile(BytesIO(plane.encode())).tag_v2[42113] == str(void)
    assert plane.metadata.void == void
    whole = leave_void(prediction(labels=labels), np.ones_like(valid), nodes=nodes, prototypes=0)
    assert PRODUCT.tiff(whole, context).values.dtype == plane.values.dtype, "a strip may have data everywhere"
