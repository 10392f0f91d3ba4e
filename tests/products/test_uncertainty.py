"""Uncertainty maps and heatmaps: what confidence lacks, stored and shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, SCALE, WIDTH, prediction, read_picture

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.pictures.heatmap import heatmap
from hypsegcli.products.heatmap import PRODUCT as HEATMAP
from hypsegcli.products.product import Context
from hypsegcli.products.uncertainty import PRODUCT, doubt_statistics

CONTEXT = Context.of(HEADER, "ab")


@pytest.mark.parametrize(("main", "scale"), [("distance", SCALE), ("entropy", 1.0)])
def test_levels_are_what_is_missing_to_full_scale(main: str, scale: float) -> None:
    found = prediction(main_measure=main)
    stored, image = read_picture(PRODUCT.encode(PHOTOGRAPH, found, CONTEXT))
    assert image.mode == "I;16"
    assert np.abs(stored / 65535 - (1 - found.confidence[main].values / scale)).max() <= 0.51 / 65535
    text = json.loads(image.info["hypseg"])
    assert list(text) == ["kind", "measure", "formula", "full_scale", "checkpoint", "curvature", "head"]
    assert text["formula"] == f"1 - ({MEASURES[main].formula}) / {scale:g}"
    assert (text["measure"], text["full_scale"]) == (main, 1.0)
    stats = doubt_statistics(found)
    assert stats == {
        "mean": pytest.approx(stored.mean() / 65535, abs=1e-5),
        "median": pytest.approx(np.median(stored) / 65535, abs=1e-5),
        "p95": pytest.approx(np.quantile(stored, 0.95) / 65535, abs=1e-5),
        f"mean {main}": pytest.approx(scale * (1 - stored.mean() / 65535), abs=1e-4),
    }


@pytest.mark.parametrize(
    ("main", "title"), [("distance", "uncertainty: distance to the origin"), ("entropy", "uncertainty: 1 - entropy")]
)
def test_a_heatmap_shows_the_same_under_its_title(main: str, title: str) -> None:
    found = prediction(main_measure=main)
    pixels, _ = read_picture(HEATMAP.encode(PHOTOGRAPH, found, CONTEXT))
    np.testing.assert_array_equal(pixels, heatmap(found.main.doubt(), title=title))
    assert pixels.shape[0] >= HEIGHT
    assert pixels.shape[1] > WIDTH
