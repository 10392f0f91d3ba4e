"""What lines have of what is worth a look in an image."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from hypsegcli.confidence.planes import Plane
from hypsegcli.confidence.regions import Bounds
from hypsegcli.inference.prediction import Prediction
from hypsegcli.products.product import Context
from hypsegcli.products.signature import signature
from hypsegcli.products.worth import weigh

CONTEXT = cast(Context, SimpleNamespace(names=("sky", "road", "car")))
PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def predicted(**more: Any) -> Prediction:
    """Half of it sky, half road; a car at the left and doubt about it, and more of it about the sky."""
    labels = np.repeat(np.array([0, 1], np.uint8), 10)[:, None].repeat(30, axis=1)
    labels[12:18, 2:10] = 2
    chance = np.full((20, 30), 0.95, np.float32)
    chance[12:18, 1:10], chance[2:8, 12:30] = 0.5, 0.25
    return Prediction(labels, {"calibrated": Plane(chance, "calibrated", 1.0)}, **more)


def test_worth_is_the_class_the_signature_and_the_regions() -> None:
    prediction = predicted()
    worth = weigh(PHOTOGRAPH, prediction, context=CONTEXT, chance="calibrated", bounds=Bounds(smallest=10))
    assert json.loads(json.dumps(worth)) == worth
    assert worth == {
        "signature": signature(PHOTOGRAPH, prediction.labels).tobytes().hex(),
        "class": "sky",
        "regions": [
            {"box": [12, 2, 18, 6], "area": 108, "expected_wrong": 81.0, "classes": {"sky": 108}},
            {"box": [1, 12, 9, 6], "area": 54, "expected_wrong": 27.0, "classes": {"car": 48, "road": 6}},
        ],
    }
    assert list(worth["regions"][1]["classes"]) == ["car", "road"]


def test_pixels_without_data_are_worth_nothing() -> None:
    valid = np.ones((20, 30), bool)
    valid[:10] = False
    worth = weigh(PHOTOGRAPH, predicted(valid=valid), context=CONTEXT, chance="calibrated", bounds=Bounds(smallest=10))
    assert (worth["class"], [region["area"] for region in worth["regions"]]) == ("car", [54])
