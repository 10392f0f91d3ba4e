"""Heatmaps: their colours, and the ticks of their bar."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.pictures.heatmap import doubt_colors, heatmap


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 5000), (5000, 20), (40, 60)])
def test_odd_pictures_stay_readable(height: int, width: int, texts: list[tuple[float, float, str]]) -> None:
    """The fixture checks that no text leaves its panel."""
    heat = heatmap(np.full((height, width), 0.5, np.float32), title="uncertainty: distance to the origin")
    assert [text for _, _, text in texts] == [
        "uncertainty: distance to the origin", "1.00 doubtful", "0.75", "0.50", "0.25", "0.00 sure",
    ]  # fmt: skip
    ticks = [y for _, y, _ in texts[1:]]
    assert min(np.diff(ticks)) >= 12, "the ticks' letters touch"
    assert height <= heat.shape[0] <= max(height, 240)
    assert width < heat.shape[1] < width + 800


@pytest.mark.parametrize(
    "title", ["дорога", "建物", "עברית", "🚗", "line\nbreak\tand tab", "", "e\u0301", "\u202eabc", "\ud800"]
)
def test_any_letters_can_be_drawn(title: str) -> None:
    assert heatmap(np.zeros((9, 9), np.float32), title=title).size


def test_the_ticks_stand_at_their_colours(texts: list[tuple[float, float, str]]) -> None:
    heat = heatmap(np.zeros((400, 10), np.float32), title="title")
    x = 10 + round(texts[0][0]) + 2  # within the bar, beside the picture
    for _, y, text in texts[1:]:
        value = float(text.split()[0])
        expected = heatmap(np.full((1, 1), value, np.float32), title="t")[0, 0].astype(int)
        assert np.abs(heat[round(y), x].astype(int) - expected).max() <= 4, text


def test_doubt_is_bright() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(30, 0)
    found = heatmap(ramp, title="title")[:30, :256].astype(float)
    luminance = (found @ [0.2126, 0.7152, 0.0722])[0]
    assert luminance[0] < 5
    assert luminance[-1] > 235
    assert (np.diff(luminance) > -1.0).all()
    assert (luminance[4:] > luminance[:-4]).all()
    red, _, blue = found[0, 150]
    assert red > 2 * blue, "not inferno: red and blue are exchanged"


def test_heat_is_never_stretched_and_what_lies_outside_is_cut() -> None:
    low, high = (heatmap(np.full((9, 9), value, np.float32), title="t")[0, 0] for value in (0.2, 0.3))
    assert (low != high).any()
    plane = np.array([[-1.0, 0.0, 1.0, 7.0]], np.float32)
    found = heatmap(plane, title="t")[0, :4]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[3])


def test_doubt_alone_is_the_heatmap_without_its_bar() -> None:
    plane = np.linspace(-0.5, 1.5, 300 * 40, dtype=np.float32).reshape(300, 40)
    found = doubt_colors(plane)
    assert found.dtype == np.uint8
    assert found.shape == (300, 40, 3)
    np.testing.assert_array_equal(found, heatmap(plane, title="t")[:300, :40])
    clear, bright = found[0, 0].astype(int), found[-1, -1].astype(int)
    assert clear.sum() < 20
    assert bright.sum() > 600
    # Rounded to the nearest of 256 colours, and not cut off.
    steps = doubt_colors(np.array([[0.4 / 255, 0.6 / 255, 1 / 255, 254.4 / 255, 254.6 / 255, 1.0]], np.float32))[0]
    assert [int((steps[a] != steps[b]).any()) for a, b in ((0, 1), (1, 2), (3, 4), (4, 5))] == [1, 0, 1, 0]
