"""Samples against plain resizing, and against pictures of their own places."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from support.places import uniform_places

from hypsegcli.sampling.edges import label_edges
from hypsegcli.sampling.warp import Warp, sample_image, warp_to

TAXIS = Path(__file__).parents[2] / "examples" / "streets" / "taxis.jpg"


def circles(height: int = 96, width: int = 128) -> np.ndarray:
    """Labels with edges in every direction."""
    labels = np.zeros((height, width), np.uint8)
    cv2.circle(labels, (40, 50), 25, 1, -1)
    cv2.circle(labels, (100, 20), 10, 2, -1)
    return labels


def made(labels: np.ndarray) -> Warp:
    warp = warp_to(labels, longest_side=max(labels.shape))
    assert warp is not None
    return warp


def test_even_places_are_a_resize() -> None:
    photograph = np.asarray(Image.open(TAXIS).convert("RGB"))[:240, :300]
    even = Warp(uniform_places(6, 7), 80, 100)
    expected = cv2.resize(photograph, (100, 80), interpolation=cv2.INTER_AREA)
    assert np.abs(even.image(photograph).astype(int) - expected).max() <= 1
    mask = np.random.default_rng(0).integers(0, 9, (240, 300))
    assert np.array_equal(even.mask(mask), mask[1::3, 1::3])


def test_samples_are_the_pixels_of_their_places() -> None:
    """Of a picture whose colours are its rows and columns."""
    rows, columns = np.mgrid[:192, :256].astype(np.uint8)
    warp = made(circles())
    samples = warp.image(np.stack([rows, columns, rows], -1)).astype(float)
    places = warp.at(np.arange(0.5, 96), np.arange(0.5, 128)) * (192, 256) - 0.5
    assert np.abs(samples[..., :2] - places)[2:-2, 2:-2].max() < 1.5  # of 3 x 3 points, the mean
    assert np.abs(warp.mask(rows) - places[..., 0]).max() <= 0.5 + 1e-9
    assert np.abs(warp.mask(columns) - places[..., 1]).max() <= 0.5 + 1e-9


def test_rows_are_the_same_in_bands() -> None:
    """As many rows as are worked out at once, and more."""
    photograph = np.asarray(Image.open(TAXIS).convert("RGB"))[:192, :256]
    warp = made(circles())
    upper = Warp(warp.places, 96, 128).image(photograph)
    assert upper.shape == (96, 128, 3)
    down, across = ((np.arange(3 * side, dtype=np.float64) + 0.5) / 3.0 for side in (96, 128))
    points = warp.at(down, across) * (192, 256) - 0.5
    seen = cv2.remap(
        photograph, points[..., 1].astype(np.float32), points[..., 0].astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    assert np.array_equal(upper, cv2.resize(seen, (128, 96), interpolation=cv2.INTER_AREA))


def test_more_samples_lie_at_edges() -> None:
    labels = circles()
    warp = made(labels)
    larger = labels.repeat(2, 0).repeat(2, 1)
    share = label_edges(warp.mask(larger)).mean()
    assert share > 1.15 * label_edges(labels).mean()
    assert warp.at(np.array([0.0, 96]), np.array([0.0, 128])).tolist() == [[[0, 0], [0, 1]], [[1, 0], [1, 1]]]


def test_a_mirrored_image_is_sampled_as_the_image_is() -> None:
    """Almost: which of two edges that are as near is the nearest, is chance."""
    labels = circles()
    turned = made(labels[:, ::-1]).places[:, ::-1] * (1, -1) + (0, 1)
    assert np.abs(turned - made(labels).places).max() < 0.03


def test_without_edges_there_is_nothing_to_be_near_to() -> None:
    assert warp_to(np.full((20, 30), 3), longest_side=30) is None
    half = np.zeros((20, 30), int)
    half[:, 15:] = 9
    assert warp_to(half, void=9, longest_side=30) is None
    assert warp_to(half, longest_side=30) is not None


def test_a_part_of_an_image_is_smoothed_as_the_whole_would_be() -> None:
    assert made(circles()).places.shape == (24, 32, 2)
    part = warp_to(circles()[:48, :64], longest_side=128)
    assert part is not None
    assert part.places.shape == (12, 16, 2)
    tiny = warp_to(np.eye(4, dtype=int)[:2], longest_side=4000)
    assert tiny is not None
    assert tiny.places.shape == (3, 3, 2)


@pytest.mark.parametrize("times", [1, 7])
def test_a_large_image_is_shrunk_before_it_is_sampled(times: int) -> None:
    """No pixel of a fine pattern is left out: all of it is the same grey."""
    board = np.indices((96 * 2 * times, 128 * 2 * times)).sum(0) % 2 * 255
    image = np.repeat(board.astype(np.uint8)[..., None], 3, 2)
    samples = sample_image(image, made(circles()))
    assert samples.shape == (96, 128, 3)
    if times > 1:
        assert 125 <= samples.min() <= samples.max() <= 130
