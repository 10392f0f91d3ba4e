"""Overlays: the background of the checkpoint is clear in them."""

from __future__ import annotations

import numpy as np
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, prediction, read_picture

from hypsegcli.products.overlay import PRODUCT
from hypsegcli.products.product import Context


def test_the_photograph_is_as_it_was_where_the_background_is() -> None:
    found = prediction(labels=np.full((HEIGHT, WIDTH), 1, np.uint8))
    for background, clear in ((None, False), (0, False), (1, True)):
        context = Context.of(HEADER.model_copy(update={"background": background}), "ab")
        pixels, _ = read_picture(PRODUCT.encode(PHOTOGRAPH, found, context))
        assert np.array_equal(pixels[:HEIGHT, :WIDTH], PHOTOGRAPH) == clear


def test_without_legends_it_is_as_large_as_the_photograph() -> None:
    with_legend, without = (
        read_picture(PRODUCT.encode(PHOTOGRAPH, prediction(), Context.of(HEADER, "ab", legend=legend)))[0]
        for legend in (True, False)
    )
    np.testing.assert_array_equal(without, with_legend[:HEIGHT, :WIDTH])
    assert with_legend.shape[1] > WIDTH
