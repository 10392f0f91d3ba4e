"""From samples back to pixels: planes come back exactly, and what is found quickly is what is worked out."""

import cv2
import numpy as np
import pytest
import torch
from scipy.interpolate import LinearNDInterpolator
from support.places import uniform_places

from hypsegcli.sampling.back import Scattered
from hypsegcli.sampling.edges import nearest_edge
from hypsegcli.sampling.energy import best_places
from hypsegcli.sampling.warp import Warp, warp_to


def made(strength: float | None = None) -> Warp:
    """Of a disk; of random edges, as weakly smoothed as makes triangles of the grid turn over."""
    if strength is not None:
        edges = np.random.default_rng(0).random((96, 128)) < 0.01
        return Warp(best_places(nearest_edge(edges, (24, 32)), strength), 96, 128)
    labels = np.zeros((96, 128), np.uint8)
    cv2.circle(labels, (40, 50), 25, 1, -1)
    warp = warp_to(labels, longest_side=128)
    assert warp is not None
    return warp


def grid(warp: Warp, side: int = 4, padding: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the middles of squares, some of which lie beyond."""
    return tuple((np.arange(n // side + padding) + 0.5) * side for n in (warp.height, warp.width))  # type: ignore[return-value]


@pytest.mark.parametrize("strength", [None, 1.0, 0.1])
def test_planes_come_back_exactly(strength: float | None) -> None:
    """Within the outermost points, beyond which there is nothing but what they say."""
    warp = made(strength)
    rows, columns = grid(warp)
    scattered = Scattered(warp, rows, columns, 180, 250)
    places = warp.at(rows[:24], columns[:32]) * (180, 250)
    plane = torch.zeros(1, 2, len(rows), len(columns), dtype=torch.float64)
    plane[0, :, :24, :32] = torch.from_numpy(np.stack([places @ (0.3, -0.2) + 7, places[..., 0]]))
    found = scattered.rows(plane, 0, 180, 250)[0].numpy()
    y, x = np.mgrid[:180, :250] + 0.5
    inner = (y > places[0, :, 0].max()) & (y < places[-1, :, 0].min())
    inner &= (x > places[:, 0, 1].max()) & (x < places[:, -1, 1].min())
    # A triangle with a corner on the border may reach in.
    far = cv2.erode(inner.astype(np.uint8), np.ones((61, 61)), borderValue=0).astype(bool)
    assert far.sum() > 1000
    assert np.abs(found[0] - (0.3 * y - 0.2 * x + 7))[far].max() < 1e-10
    assert np.abs(found[1] - y)[far].max() < 1e-10


def test_it_is_what_scipy_makes_of_the_same_points() -> None:
    warp = made()
    rows, columns = grid(warp, padding=0)
    values = torch.rand(2, 3, len(rows), len(columns), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = Scattered(warp, rows, columns, 90, 120).rows(values, 20, 70, 110)
    down, across = np.concatenate([[0], rows, [96]]), np.concatenate([[0], columns, [128]])
    points = (warp.at(down, across) * (90, 120)).reshape(-1, 2)
    padded = torch.nn.functional.pad(values, (1, 1, 1, 1), mode="replicate").permute(2, 3, 0, 1).reshape(-1, 6)
    oracle = LinearNDInterpolator(points, padded.numpy())(np.mgrid[20:70, :110].transpose(1, 2, 0) + 0.5)
    np.testing.assert_allclose(found.reshape(6, 50, 110).permute(1, 2, 0).numpy(), oracle, atol=1e-12)


@pytest.mark.parametrize("strength", [None, 0.05])
def test_every_pixel_has_an_answer_between_those_around_it(strength: float | None) -> None:
    warp = made(strength)
    rows, columns = grid(warp)
    values = torch.rand(1, 4, len(rows), len(columns), generator=torch.Generator().manual_seed(0))
    found = Scattered(warp, rows, columns, 180, 250).rows(values, 0, 180, 250)
    assert found.shape == (1, 4, 180, 250)
    assert bool(found.isfinite().all())
    assert float(found.min()) >= float(values.min()) - 1e-5
    assert float(found.max()) <= float(values.max()) + 1e-5
    ones = Scattered(warp, rows, columns, 180, 250).rows(torch.ones(1, 1, *values.shape[2:]), 0, 180, 250)
    assert float((ones - 1).abs().max()) < 1e-6


@pytest.mark.parametrize("budget", [1 << 20, 1000])
def test_the_best_channel_is_that_of_all_worked_out(budget: int) -> None:
    warp = made()
    rows, columns = grid(warp)
    scattered = Scattered(warp, rows, columns, 180, 250)
    coarse = torch.rand(2, 5, 5, 7, generator=torch.Generator().manual_seed(0))
    scores = torch.nn.functional.interpolate(coarse, size=(len(rows), len(columns)), mode="bilinear")
    whole = scattered.rows(scores, 0, 180, 250).argmax(1)
    assert torch.equal(scattered.best(scores, 180, 250, budget).long(), whole)


def test_even_samples_come_back_as_bilinear_interpolation_would_almost() -> None:
    """Triangles halve the squares of the grid."""
    warp = Warp(uniform_places(24, 32), 96, 128)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 2, 4, 5), size=(24, 32), mode="bicubic")
    found = Scattered(warp, *grid(warp, padding=0), 192, 256).rows(smooth, 0, 192, 256)
    bilinear = torch.nn.functional.interpolate(smooth, size=(192, 256), mode="bilinear")
    assert float((found - bilinear).abs().max()) < 0.02


def test_images_narrower_than_a_square_of_the_grid_come_back() -> None:
    warp = Warp(uniform_places(3, 8), 1, 40)
    found = Scattered(warp, np.array([2.0, 6, 10, 14]), np.arange(2.0, 48, 4), 2, 90).rows(
        torch.ones(1, 1, 4, 12), 0, 2, 90
    )
    assert torch.allclose(found, torch.ones(1, 1, 2, 90))
