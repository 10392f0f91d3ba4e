"""Confidence maps: the main measure's by default, in its own unit as an array, as levels in pictures."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
from PIL.TiffImagePlugin import TiffImageFile
from support.maps import HEADER, PHOTOGRAPH, SCALE, prediction, read_picture

from hypsegcli.inference.nodata import leave_void
from hypsegcli.products.confidence import PRODUCT, mean_confidence
from hypsegcli.products.product import Context, Product

(ENTROPY,) = PRODUCT.further(["entropy"])


@pytest.mark.parametrize(("product", "measure", "scale"), [(PRODUCT, "distance", SCALE), (ENTROPY, "entropy", 1.0)])
def test_every_format_holds_the_same_plane(product: Product, measure: str, scale: float) -> None:
    found, context = prediction(), Context.of(HEADER, "ab")
    values = found.confidence[measure].values
    array = np.load(BytesIO(product.encode(PHOTOGRAPH, found, Context.of(HEADER, "ab", format="npy"))))
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, values)
    for data in (product.encode(PHOTOGRAPH, found, context), product.tiff(found, context).encode()):
        stored, image = read_picture(data)
        assert image.mode == "I;16"
        assert np.abs(stored / 65535 * scale - values).max() <= 0.51 * scale / 65535


def test_the_text_says_how_to_read_levels() -> None:
    _, image = read_picture(ENTROPY.encode(PHOTOGRAPH, prediction(), Context.of(HEADER, "ab")))
    assert json.loads(image.info["hypseg"]) == {
        "kind": "confidence",
        "measure": "entropy",
        "formula": "1 - entropy of the class probabilities / ln K",
        "full_scale": 1.0,
        "decode": "value / 65535 * full_scale",
        "checkpoint": "ab",
        "curvature": 0.5,
        "head": "hyperbolic",
    }


def test_what_is_kept_of_an_image_is_the_mean_of_the_main_plane() -> None:
    for main in ("distance", "entropy"):
        found = prediction(main_measure=main)
        mean = found.confidence[main].values.astype(float).mean()
        assert mean_confidence(found) == {f"mean {main}": pytest.approx(mean, abs=1e-6)}


def test_without_data_there_is_none_and_zero_means_that() -> None:
    found = prediction()
    found.main.values[0] = 0.0  # as unsure as can be, and data all the same
    valid = np.random.default_rng(0).random(found.labels.shape) < 0.5
    void = leave_void(found, valid, nodes=3, prototypes=0)
    array = np.load(BytesIO(PRODUCT.encode(PHOTOGRAPH, void, Context.of(HEADER, "ab", format="npy"))))
    np.testing.assert_array_equal(array, np.where(valid, found.main.values, np.nan))
    plane, context = PRODUCT.tiff(void, Context.of(HEADER, "ab")), Context.of(HEADER, "ab")
    for data in (PRODUCT.encode(PHOTOGRAPH, void, context), plane.encode()):
        stored, _ = read_picture(data)
        np.testing.assert_array_equal(stored == 0, ~valid)
        assert np.abs(stored.astype(int) - found.main.levels())[valid].max() <= 1
        np.testing.assert_array_equal(stored[valid], np.maximum(found.main.levels(), 1)[valid])
    assert (plane.nodata, plane.metadata.nodata) == (0, 0)
    assert TiffImageFile(BytesIO(plane.encode())).tag_v2[42113] == "0"
    assert mean_confidence(void) == {"mean distance": pytest.approx(found.main.values[valid].mean(), abs=1e-5)}
    assert mean_confidence(leave_void(found, np.zeros_like(valid), nodes=3, prototypes=0)) == {}
