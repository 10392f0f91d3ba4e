"""Embeddings are written as they are, with what places them, and missed where nobody asked for them."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, prediction

from hypsegcli.files.kinds import PREDICT
from hypsegcli.inference.prediction import Embeddings
from hypsegcli.products.embeddings import PRODUCT
from hypsegcli.products.product import Context, find_product

VECTORS = np.random.default_rng(0).standard_normal((6, 5, 7)).astype(np.float16)
CONTEXT = Context.of(HEADER, "ab")


def encoded(context: Context) -> bytes:
    return PRODUCT.encode(PHOTOGRAPH, prediction(embeddings=Embeddings(VECTORS, (8.0, 8.0))), context)


def arrays(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(BytesIO(data)) as file:
        return dict(file)


def test_vectors_come_with_curvature_scale_and_where_they_are_from() -> None:
    found = arrays(encoded(CONTEXT))
    assert list(found) == ["embeddings", "cell", "size", "hypseg", "curvature"]
    assert found["embeddings"].dtype == np.float16
    np.testing.assert_array_equal(found["embeddings"], VECTORS)
    assert found["cell"].tolist() == [8.0, 8.0]
    assert found["size"].tolist() == [HEIGHT, WIDTH]
    assert float(found["curvature"]) == 0.5
    about = json.loads(str(found["hypseg"]))
    assert (about["kind"], about["checkpoint"], about["curvature"]) == ("embeddings", "ab", 0.5)
    assert "distance to the origin 2 |v|" in about["formula"]


def test_a_euclidean_head_has_no_ball() -> None:
    found = arrays(encoded(replace(CONTEXT, head="euclidean")))
    assert "curvature" not in found
    assert "there is no ball" in json.loads(str(found["hypseg"]))["formula"]


def test_the_same_arrays_give_the_same_bytes() -> None:
    assert encoded(CONTEXT) == encoded(CONTEXT)


def test_they_need_a_request_that_asks_for_them() -> None:
    assert [kind for kind in PREDICT if find_product(kind).needs_embeddings] == ["embeddings"]
    with pytest.raises(ValueError, match="set them in its request"):
        PRODUCT.encode(PHOTOGRAPH, prediction(), CONTEXT)
