"""Laws of the windows along an axis."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypsegcli.inference.windows import ALIGNMENT, Window, axis_windows


@st.composite
def axes(draw: st.DrawFn) -> tuple[int, int, int]:
    """Length, tile and overlap that `axis_windows` accepts."""
    tile = ALIGNMENT * draw(st.integers(1, 20))
    overlap = ALIGNMENT * draw(st.integers(0, tile // 2 // ALIGNMENT))
    return draw(st.integers(1, 2500)), tile, overlap


def check_starts(windows: list[Window], length: int, tile: int, overlap: int) -> None:
    assert windows[0].start == 0
    assert windows[-1].stop == length
    for window in windows:
        assert window.start % ALIGNMENT == 0
        assert 0 < window.stop - window.start <= tile
    for one, two in itertools.pairwise(windows):
        assert one.start < two.start
        assert one.stop - two.start >= overlap


@settings(max_examples=150, deadline=None)
@given(axes())
@example((2049, 1024, 256))
@example((33, 16, 0))
@example((1025, 1024, 512))
def test_windows_cover_the_axis_and_overlap(axis: tuple[int, int, int]) -> None:
    length, tile, overlap = axis
    windows = axis_windows(length, tile=tile, overlap=overlap)
    check_starts(windows, length, tile, overlap)

    weight, owners = np.zeros(length), np.zeros(length, int)
    for window in windows:
        assert window.weight.dtype == np.float32
        assert window.weight.shape == window.owned.shape == (window.stop - window.start,)
        assert (window.weight >= 0).all()
        weight[window.start : window.stop] += window.weight
        owners[window.start : window.stop] += window.owned
    np.testing.assert_allclose(weight, 1.0, atol=1e-6)
    assert (owners == 1).all()


def test_every_small_axis() -> None:
    """The arithmetic of the starts depends on the lengths in steps of the alignment alone: try all small ones."""
    for tile in range(16, 113, 16):
        for overlap in range(0, tile // 2 + 1, 16):
            for length in itertools.chain(range(1, 700, 16), range(15, 700, 16), range(16, 700, 16)):
                check_starts(axis_windows(length, tile=tile, overlap=overlap), length, tile, overlap)


@settings(max_examples=60, deadline=None)
@given(axes())
def test_no_more_windows_than_needed(axis: tuple[int, int, int]) -> None:
    length, tile, overlap = axis
    count = len(axis_windows(length, tile=tile, overlap=overlap))
    assert count == 1 or (count - 1) * (tile - overlap) + overlap < length


@settings(max_examples=60, deadline=None)
@given(axes())
def test_the_owner_is_the_window_of_largest_weight(axis: tuple[int, int, int]) -> None:
    length, tile, overlap = axis
    windows = axis_windows(length, tile=tile, overlap=overlap)
    best = np.zeros(length, np.float32)
    for window in windows:
        best[window.start : window.stop] = np.maximum(best[window.start : window.stop], window.weight)
    for window in windows:
        np.testing.assert_array_equal(window.weight[window.owned], best[window.start : window.stop][window.owned])


@settings(max_examples=60, deadline=None)
@given(axes())
def test_what_a_window_extrapolates_counts_for_nothing(axis: tuple[int, int, int]) -> None:
    """Within half a grid cell of an inner side, upsampling has no neighbour to blend with."""
    length, tile, overlap = axis
    if overlap == 0:
        return
    for window in axis_windows(length, tile=tile, overlap=overlap):
        assert window.start == 0 or not window.weight[:2].any()
        assert window.stop == length or not window.weight[-2:].any()


def test_weights_fall_linearly_in_the_middle_of_the_overlap() -> None:
    one, two = axis_windows(96, tile=64, overlap=32)  # [0, 64) and [32, 96): 32 pixels in common
    shared = one.weight[32:]
    np.testing.assert_allclose(shared, np.clip((19.5 - np.arange(32)) / 8, 0, 1), atol=1e-6)
    np.testing.assert_allclose(two.weight[:32], shared[::-1], atol=1e-6)
    assert (one.weight[:32] == 1).all()


def test_a_short_axis_is_one_window() -> None:
    (window,) = axis_windows(30, tile=32, overlap=16)
    assert (window.start, window.stop) == (0, 30)
    assert (window.weight == 1).all()
    assert window.owned.all()


@pytest.mark.parametrize(("tile", "overlap"), [(30, 0), (32, 8), (64, 48), (64, -16)])
def test_sides_that_do_not_fit_are_refused(tile: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        axis_windows(100, tile=tile, overlap=overlap)
