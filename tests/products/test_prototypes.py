"""Maps of prototypes: numbers that keep, and shades of their classes' colours."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, prediction, read_picture

from hypsegcli.files.kinds import PREDICT
from hypsegcli.products.product import Context, find_product
from hypsegcli.products.prototypes import PRODUCT

CONTEXT = replace(Context.of(HEADER, "ab"), prototypes=3)
NUMBERS = np.random.default_rng(0).integers(0, 9, (HEIGHT, WIDTH), dtype=np.uint8)


def test_values_are_numbers_and_names_say_which() -> None:
    stored, image = read_picture(PRODUCT.encode(PHOTOGRAPH, prediction(prototypes=NUMBERS), CONTEXT))
    np.testing.assert_array_equal(stored, NUMBERS)
    about = json.loads(image.info["hypseg"])
    assert about["kind"] == "prototypes"
    assert about["names"] == [f"{name} {number}" for name in ("sky", "road", "car") for number in range(3)]
    assert about["formula"] == "class * 3 + prototype of the class"


def test_shades_of_a_class_go_from_dark_to_light_around_its_colour() -> None:
    colors = np.array([[200, 100, 40], [10, 20, 30], [90, 90, 250]], np.uint8)
    for count in (1, 3, 10):
        context = replace(CONTEXT, palette=colors, prototypes=count)
        numbers = np.zeros((HEIGHT, WIDTH), np.uint8)
        _, image = read_picture(PRODUCT.encode(PHOTOGRAPH, prediction(prototypes=numbers), context))
        palette = image.getpalette()
        assert palette is not None
        shades = np.array(palette[: 9 * count]).reshape(3, count, 3)
        assert (np.diff(shades.sum(2), axis=1) > 0).all()
        if count == 1:
            np.testing.assert_array_equal(shades[:, 0], colors)


def test_more_than_256_are_grey_of_16_bits() -> None:
    context = replace(CONTEXT, prototypes=100)
    numbers = np.random.default_rng(0).integers(0, 300, (HEIGHT, WIDTH)).astype(np.uint16)
    stored, image = read_picture(PRODUCT.encode(PHOTOGRAPH, prediction(prototypes=numbers), context))
    assert image.mode == "I;16"
    np.testing.assert_array_equal(stored, numbers)
    assert PRODUCT.tiff(prediction(prototypes=numbers), context).palette is None


def test_they_need_a_request_that_asks_for_them() -> None:
    assert [kind for kind in PREDICT if find_product(kind).needs_prototypes] == ["prototypes"]
    with pytest.raises(ValueError, match="set them in its request"):
        PRODUCT.encode(PHOTOGRAPH, prediction(), CONTEXT)
