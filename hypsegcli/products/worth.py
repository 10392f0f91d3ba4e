"""What in an image is worth a look, as its line of the manifest has it, which the tables of all images are made of."""

from __future__ import annotations

from typing import Any

from hypsegcli.confidence.regions import Bounds, find_regions, wrong_by_class
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.products.product import Context
from hypsegcli.products.signature import signature


def weigh(photograph: RGB, prediction: Prediction, *, context: Context, chance: str, bounds: Bounds) -> dict[str, Any]:
    """The signature in hexadecimal digits, a class and regions, of the plane of the measure `chance`.

    That says how likely pixels are right. The class is that of most of the expected wrong pixels. Of a region, `box` is
    x, y, width and height in pixels, and `classes` are names with their pixels, most first.
    """
    worth: dict[str, Any] = {"signature": signature(photograph, prediction.labels).tobytes().hex()}
    labels, right, valid = prediction.labels, prediction.confidence[chance].values, prediction.valid
    worth["class"] = context.names[int(wrong_by_class(labels, right, valid).argmax())]
    worth["regions"] = [
        {
            "box": [region.x, region.y, region.width, region.height],
            "area": region.area,
            "expected_wrong": region.expected_wrong,
            "classes": {context.names[index]: pixels for index, pixels in region.classes.items()},
        }
        for region in find_regions(labels, right, bounds, valid=valid)
    ]
    return worth
