"""Polygons: the pixels that pycocotools gives them."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.annotation.polygon import draw_polygons
from hypsegcli.annotation.rle import encode_regions, to_text


def test_a_rectangle_has_its_pixels() -> None:
    inside = draw_polygons([[1, 2, 4, 2, 4, 5, 1, 5]], 7, 6)
    wanted = np.zeros((7, 6), bool)
    wanted[2:5, 1:4] = True
    np.testing.assert_array_equal(inside, wanted)


def test_several_polygons_are_one_mask_also_where_they_overlap() -> None:
    one, other = [0, 0, 4, 0, 4, 4, 0, 4], [2, 2, 6, 2, 6, 6, 2, 6]
    both = draw_polygons([one, other], 8, 8)
    np.testing.assert_array_equal(both, draw_polygons([one], 8, 8) | draw_polygons([other], 8, 8))
    assert both[3, 3]


def test_pixels_at_the_edges_are_those_of_the_coco_api() -> None:
    """As pycocotools 2.0.11 draws it, with a corner beyond the image."""
    corners = [2.3, 1.2, 17.6, 3.4, 21.5, 12.5, 14.1, 9.8, 8.7, 15.3, -1.5, 7.25]
    (region,) = encode_regions(draw_polygons([corners], 14, 20).astype(np.uint8))
    assert to_text(region.counts) == "4581N3O1O100O001O000001N1N2O100001O02N3NG"


def test_a_point_is_nothing() -> None:
    assert not draw_polygons([[3, 3, 3, 3, 3, 3]], 8, 8).any()


@pytest.mark.parametrize("points", [[], [1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, float("nan")]])
def test_what_is_no_polygon_is_refused(points: list[float]) -> None:
    with pytest.raises(ValueError, match="at least three points"):
        draw_polygons([points], 8, 8)


def test_a_corner_that_is_nowhere_near_is_refused() -> None:
    with pytest.raises(ValueError, match="1,000,000 pixels away"):
        draw_polygons([[0, 0, 1e9, 0, 1e9, 5]], 8, 8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in pycocotools
@pytest.mark.parametrize("grid", [None, 1, 2])
def test_pycocotools_agrees(grid: int | None) -> None:
    """Corners anywhere, beyond the image too, and on whole or half pixels."""
    oracle = pytest.importorskip("pycocotools.mask", reason="pycocotools is the oracle")
    rng = np.random.default_rng(grid or 0)
    for _ in range(150):
        height, width = rng.integers(5, 60, 2).tolist()
        points = rng.uniform(-10, 70, 2 * int(rng.integers(3, 10)))
        points = points if grid is None else np.round(points * grid) / grid
        wanted = oracle.decode(oracle.merge(oracle.frPyObjects([points.tolist()], height, width))).astype(bool)
        np.testing.assert_array_equal(draw_polygons([points.tolist()], height, width), wanted)
