"""Probabilities are written as they are, and missed where nobody asked for them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, prediction

from hypsegcli.files.kinds import PREDICT
from hypsegcli.products.probabilities import PRODUCT
from hypsegcli.products.product import Context, find_product


def test_the_stack_is_stored_whole() -> None:
    stack = np.random.default_rng(0).random((3, HEIGHT, WIDTH)).astype(np.float16)
    data = PRODUCT.encode(PHOTOGRAPH, prediction(probabilities=stack), Context.of(HEADER, ""))
    stored = np.load(BytesIO(data))
    assert stored.dtype == np.float16
    np.testing.assert_array_equal(stored, stack)


def test_they_need_a_request_that_asks_for_them() -> None:
    assert [kind for kind in PREDICT if find_product(kind).needs_probabilities] == ["probabilities"]
    with pytest.raises(ValueError, match="set them in its request"):
        PRODUCT.encode(PHOTOGRAPH, prediction(), Context.of(HEADER, ""))
