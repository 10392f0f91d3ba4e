"""Heatmaps: their colours, and the ticks of their bar."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.pictures.heatmap import doubt_colors, heat_over, heatmap


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 5000), (5000, 20), (40, 60)])
def test_odd_pictures_stay_readable(height: int, width: int, texts: list[tuple[float, float, str]]) -> None:
    """The fixture checks that no text leaves its panel."""
    heat = heatmap(np.full((height, width), 0.5, np.float32), title="uncertainty (distance to the origin)")
    assert [text for _, _, text in texts] == [
        "uncertainty (distance to the origin)", "1.00 doubtful", "0.75", "0.50", "0.25", "0.00 sure",
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


def test_what_is_sure_is_the_photograph_dimmed_and_without_colour() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (240, 40, 3), dtype=np.uint8)
    found = heat_over(photo, np.zeros((240, 40), np.float32), title="t")[:, :40].astype(float)
    assert np.abs(found.max(axis=-1) - found.min(axis=-1)).max() <= 4, "inferno's own black has a touch of blue"
    grey = photo @ [0.299, 0.587, 0.114]
    assert np.abs(found[..., 0] - grey / 2).max() <= 2


@pytest.mark.parametrize("doubt", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_things_are_seen_under_any_doubt(doubt: float) -> None:
    photo = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(240, 0)
    found = heat_over(photo, np.full((240, 256), doubt, np.float32), title="t")[0, :256].astype(float)
    luminance = found @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) >= -1.0).all()
    assert luminance[-1] - luminance[0] > 90


def test_doubt_is_told_from_sureness_on_dark_and_on_bright_things() -> None:
    """By colour at least, step by step, and the same doubt looks the same whatever else is in the picture."""
    steps = np.linspace(0, 1, 6, dtype=np.float32)
    for grey in (0, 128, 255):
        photo = np.full((240, 6, 3), grey, np.uint8)
        found = heat_over(photo, np.repeat(steps[None], 240, 0), title="t")[0, :6].astype(float)
        assert np.linalg.norm(np.diff(found, axis=0), axis=1).min() > 40
        for step, color in zip(steps, found, strict=True):
            alone = heat_over(photo[:, :1], np.full((240, 1), step, np.float32), title="t")[0, 0]
            np.testing.assert_array_equal(alone, color)


def test_the_bar_over_a_photograph_shows_its_colours_from_dark_to_bright(
    texts: list[tuple[float, float, str]],
) -> None:
    shown = heat_over(np.zeros((400, 10, 3), np.uint8), np.zeros((400, 10), np.float32), title="title")
    left = 10 + round(texts[0][0])
    between = round((texts[1][1] + texts[2][1]) / 2)  # where no tick hides the paper beside the bar
    right = left + int(np.flatnonzero((shown[between, left:] == 255).all(axis=-1))[0]) - 1
    for _, y, text in texts[1:]:
        # The ticks begin in the bar's last column.
        for x, grey in ((left, 0), (right - 1, 255 - 255 // (right - left))):
            plane, photo = np.full((1, 1), float(text.split()[0]), np.float32), np.full((1, 1, 3), grey, np.uint8)
            expected = heat_over(photo, plane, title="t")[0, 0].astype(int)
            assert np.abs(shown[round(y), x].astype(int) - expected).max() <= 5, (text, grey)
