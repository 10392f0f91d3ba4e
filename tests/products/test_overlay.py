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
