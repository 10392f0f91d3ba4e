"""Doubt maps: the main measure's heat over the photograph."""

from __future__ import annotations

import numpy as np
import pytest
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, prediction, read_picture

from hypsegcli.pictures.heatmap import heat_over
from hypsegcli.products.doubt import PRODUCT
from hypsegcli.products.product import Context


@pytest.mark.parametrize(
    ("main", "title"), [("distance", "uncertainty (distance to the origin)"), ("entropy", "entropy")]
)
def test_it_is_the_main_measure_s_doubt_over_the_photograph(main: str, title: str) -> None:
    found = prediction(main_measure=main)
    pixels, _ = read_picture(PRODUCT.encode(PHOTOGRAPH, found, Context.of(HEADER, "ab")))
    np.testing.assert_array_equal(pixels, heat_over(PHOTOGRAPH, found.main.doubt(), title=title))
    assert pixels.shape[0] >= HEIGHT
    assert pixels.shape[1] > WIDTH
    alone, _ = read_picture(PRODUCT.encode(PHOTOGRAPH, found, Context.of(HEADER, "ab", legend=False)))
    np.testing.assert_array_equal(alone, pixels[:HEIGHT, :WIDTH])
    other, _ = read_picture(PRODUCT.encode(255 - PHOTOGRAPH, found, Context.of(HEADER, "ab")))
    assert (other[:HEIGHT, :WIDTH] != pixels[:HEIGHT, :WIDTH]).any()
