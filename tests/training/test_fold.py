"""Which images teach the radius alone."""

import numpy as np
import pytest

from hypsegcli.training.fold import radius_fold


@pytest.mark.parametrize(("count", "share"), [(367, 0.15), (854, 0.15), (40, 0.5), (8, 0.5)])
def test_the_fold_is_the_share_in_four_runs_of_neighbours(count: int, share: float) -> None:
    fold = radius_fold(count, share)
    assert fold.shape == (count,)
    assert abs(fold.sum() - share * count) <= 2  # half an image a quarter
    assert (np.diff(fold.astype(int)) == 1).sum() == 4
    assert not fold[0]


def test_without_a_share_there_is_none() -> None:
    assert not radius_fold(100, 0.0).any()
    assert radius_fold(0, 0.5).shape == (0,)
