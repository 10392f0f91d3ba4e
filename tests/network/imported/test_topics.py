"""The means of windows that TOPICS' network takes in place of the image's."""

import pytest
import torch

from hypsegcli.network.imported.topics import window_means


@pytest.mark.parametrize("size", [(3, 5), (32, 32), (31, 7), (1, 1)])
def test_of_a_small_grid_it_is_the_mean_of_all(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(window_means(x), x.mean((2, 3), keepdim=True).expand_as(x))


def test_of_a_large_grid_it_is_that_of_the_window_around_a_cell() -> None:
    x = torch.randn(1, 1, 5, 40, generator=torch.Generator().manual_seed(0))
    means = window_means(x)
    assert means.shape == x.shape
    for column in range(40):
        start = min(max(column - 15, 0), 8)  # 15 cells before it and 16 behind, as far as there are any
        torch.testing.assert_close(means[0, 0, 2, column], x[0, 0, :, start : start + 32].mean())
