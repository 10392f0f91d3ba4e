"""Uncertainty maps and heatmaps: what confidence lacks, stored and shown."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, SCALE, WIDTH, prediction, read_picture

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.inference.nodata import leave_void
from hypsegcli.pictures.heatmap import heatmap
from hypsegcli.products.doubt import PRODUCT as DOUBT
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
    stats = doubt_statistics(found, chance=main)
    assert stats == {
        "mean": pytest.approx(stored.mean() / 65535, abs=1e-5),
        "median": pytest.approx(np.median(stored) / 65535, abs=1e-5),
        "p95": pytest.approx(np.quantile(stored, 0.95) / 65535, abs=1e-5),
        "expected_wrong": pytest.approx((1 - found.confidence[main].values.clip(0, 1)).sum(), abs=1e-2),
        f"mean {main}": pytest.approx(scale * (1 - stored.mean() / 65535), abs=1e-4),
    }


@pytest.mark.parametrize(
    ("main", "title"), [("distance", "uncertainty (distance to the origin)"), ("entropy", "entropy")]
)
def test_a_heatmap_shows_the_same_under_its_title(main: str, title: str) -> None:
    found = prediction(main_measure=main)
    pixels, _ = read_picture(HEATMAP.encode(PHOTOGRAPH, found, CONTEXT))
    np.testing.assert_array_equal(pixels, heatmap(found.main.doubt(), title=title))
    assert pixels.shape[0] >= HEIGHT
    assert pixels.shape[1] > WIDTH


def test_what_has_no_data_does_not_count() -> None:
    """All that is kept of an image is what is kept of the part that has some."""
    whole = prediction()
    valid = np.zeros((HEIGHT, WIDTH), np.bool_)
    valid[:30, 10:] = True
    planes = {
        name: replace(plane, values=np.ascontiguousarray(plane.values[:30, 10:]))
        for name, plane in whole.confidence.items()
    }
    part = replace(whole, labels=whole.labels[:30, 10:], confidence=planes)
    void = leave_void(whole, valid, nodes=3, prototypes=0)
    kept = doubt_statistics(part, chance="distance")
    assert doubt_statistics(void, chance="distance") == pytest.approx(kept, abs=1e-6)
    assert doubt_statistics(leave_void(whole, np.zeros_like(valid), nodes=3, prototypes=0), chance="distance") == {}
    stored, image = read_picture(PRODUCT.encode(PHOTOGRAPH, void, CONTEXT))
    np.testing.assert_array_equal(stored == 0, ~valid)
    assert json.loads(image.info["hypseg"])["nodata"] == 0
    for product in (HEATMAP, DOUBT):
        pixels, _ = read_picture(product.encode(PHOTOGRAPH, void, CONTEXT))
        assert (pixels[:HEIGHT, :WIDTH][~valid] == 96).all()
        shown, _ = read_picture(product.encode(PHOTOGRAPH, whole, CONTEXT))
        np.testing.assert_array_equal(pixels[:HEIGHT, :WIDTH][valid], shown[:HEIGHT, :WIDTH][valid])
