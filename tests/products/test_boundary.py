"""Boundary maps are those of the main measure's plane, and say so."""

from __future__ import annotations

import numpy as np
from support.maps import HEADER, PHOTOGRAPH, prediction, read_picture

from hypsegcli.confidence.boundary import boundary_map
from hypsegcli.products.boundary import PRODUCT
from hypsegcli.products.product import Context


def test_the_map_is_that_of_the_main_plane() -> None:
    stored = []
    for main in ("distance", "entropy"):
        found = prediction(main_measure=main)
        pixels, image = read_picture(PRODUCT.encode(PHOTOGRAPH, found, Context.of(HEADER, "ab")))
        np.testing.assert_array_equal(pixels, boundary_map(found.confidence[main]))
        assert f"f the {main} plane after a Gaussian of 2.0 pixels" in image.info["hypseg"]
        stored.append(pixels)
    assert (stored[0] != stored[1]).any()
