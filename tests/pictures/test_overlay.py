"""Pictures for people, read back by a machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageDraw

from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.pictures.heatmap import doubt_colors, heatmap
from hypsegcli.pictures.overlay import overlay
from hypsegcli.pictures.palette import node_palette, spread_colors
from hypsegcli.training.colors import read_colors

RGB = NDArray[np.uint8]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float, str]]:
    """Position and content of everything that is written."""
    written: list[tuple[float, float, str]] = []
    original = ImageDraw.ImageDraw.text

    def spy(self: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, *args: Any, **kwargs: Any) -> None:
        written.append((*xy, text))
        left, top, right, bottom = self.textbbox(xy, text, font=kwargs["font"], anchor=kwargs.get("anchor"))
        assert left >= 0
        assert top >= 0
        assert right <= self.im.size[0]
        assert bottom <= self.im.size[1]
        original(self, xy, text, *args, **kwargs)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spy)
    return written


def palette_of(count: int) -> RGB:
    return np.array(read_colors(None, [str(index) for index in range(count)]), np.uint8)


def names_of(count: int) -> list[str]:
    return [f"class number {index}" for index in range(count)]


def tiles(height: int, width: int, count: int, side: int = 8) -> NDArray[np.uint16]:
    """Every label in blocks, row by row."""
    y, x = np.mgrid[0:height, 0:width] // side
    return np.asarray((y * -(-width // side) + x) % count, np.uint16)


def test_inner_nodes_are_the_mean_of_the_classes_below() -> None:
    tree = ClassTree(names=("a", "b", "c", "d", "all but d", "a and b"), parents=(5, 5, 4, -1, -1, 4), classes=4)
    colors = ((255, 0, 0), (0, 255, 0), (10, 20, 255), (7, 8, 9))
    found = node_palette(colors, tree.leaves_below())
    assert found.dtype == np.uint8
    assert [tuple(row) for row in found[:4].tolist()] == list(colors)
    assert found[4].tolist() == [round(265 / 3), round(275 / 3), 85]
    assert found[5].tolist() == [128, 128, 0]
    assert found[6].tolist() == [0, 0, 0], "undecided"
    assert len(found) == 7


@pytest.mark.parametrize(("height", "width"), [(240, 320), (480, 64), (1024, 100)])
def test_the_overlay_is_as_high_as_the_photograph(height: int, width: int) -> None:
    labels = tiles(height, width, 12)
    found = overlay(np.zeros((height, width, 3), np.uint8), labels, palette_of(12), names_of(12))
    assert found.shape[0] == height
    assert found.shape[1] > width
    assert found.dtype == np.uint8


def test_colours_can_be_read_back_from_a_black_photograph() -> None:
    palette, labels = palette_of(11), tiles(240, 320, 11)
    found = overlay(np.zeros((240, 320, 3), np.uint8), labels, palette, names_of(11))[:, :320].astype(int)
    edges = np.zeros(labels.shape, bool)
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edges[1:] |= labels[1:] != labels[:-1]
    assert np.abs(found[~edges] / 0.55 - palette[labels[~edges]]).max() <= 1.0
    np.testing.assert_array_equal(found[edges], palette[labels[edges]])


def test_the_photograph_shows_through() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    labels = np.zeros((240, 320), np.uint8)
    found = overlay(photo, labels, palette_of(1), ["sky"])[:, :320].astype(float)
    assert np.abs(found - (0.55 * palette_of(1)[0] + 0.45 * photo)).max() <= 1.0


def test_the_legend_lists_the_classes_present_by_share(texts: list[tuple[float, float, str]]) -> None:
    labels = np.full((300, 400), 2, np.uint8)
    labels[:60] = 4
    labels[-1, -1] = 0
    palette = palette_of(5)
    found = overlay(np.zeros((300, 400, 3), np.uint8), labels, palette, ["sky", "road", "tree", "car", "bus"])
    assert [text for _, _, text in texts] == ["tree", "80.0 %", "bus", "20.0 %", "sky", "< 0.1 %"]
    legend = {tuple(color) for color in found[:, 400:].reshape(-1, 3).tolist()}
    assert {tuple(palette[index].tolist()) for index in (0, 2, 4)} <= legend
    assert not {tuple(palette[index].tolist()) for index in (1, 3)} & legend


def test_two_hundred_classes_flow_into_columns(texts: list[tuple[float, float, str]]) -> None:
    labels = tiles(480, 640, 200)
    found = overlay(np.zeros((480, 640, 3), np.uint8), labels, palette_of(200), names_of(200))
    assert found.shape[0] == 480
    names = [(x, y) for x, y, text in texts if not text.endswith("%")]
    assert len(names) == len(set(names)) == 200
    assert 5 < len({x for x, _ in names}) < 20


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 5000), (5000, 20), (40, 60)])
@pytest.mark.parametrize("classes", [1, 30])
def test_odd_pictures_stay_readable(
    height: int, width: int, classes: int, texts: list[tuple[float, float, str]]
) -> None:
    """The fixture checks that no text leaves its panel."""
    labels = tiles(height, width, classes, side=4)
    present = len(np.unique(labels))
    photo = np.full((height, width, 3), 200, np.uint8)
    found = overlay(photo, labels, palette_of(classes), names_of(classes))
    assert len(texts) == 2 * present
    assert height <= found.shape[0] <= max(height, 240)
    assert width < found.shape[1] < width + 1600
    texts.clear()
    heat = heatmap(np.full((height, width), 0.5, np.float32), title="uncertainty: distance to the origin")
    assert [text for _, _, text in texts] == [
        "uncertainty: distance to the origin", "1.00 doubtful", "0.75", "0.50", "0.25", "0.00 sure",
    ]  # fmt: skip
    ticks = [y for _, y, _ in texts[1:]]
    assert min(np.diff(ticks)) >= 12, "the ticks' letters touch"
    assert height <= heat.shape[0] <= max(height, 240)
    assert width < heat.shape[1] < width + 800


def test_the_ticks_stand_at_their_colours(texts: list[tuple[float, float, str]]) -> None:
    heat = heatmap(np.zeros((400, 10), np.float32), title="title")
    x = 10 + round(texts[0][0]) + 2  # within the bar, beside the picture
    for _, y, text in texts[1:]:
        value = float(text.split()[0])
        expected = heatmap(np.full((1, 1), value, np.float32), title="t")[0, 0].astype(int)
        assert np.abs(heat[round(y), x].astype(int) - expected).max() <= 4, text


@pytest.mark.parametrize(
    "name", ["дорога", "建物", "עברית", "🚗", "line\nbreak\tand tab", "", "e\u0301", "\u202eabc", "\ud800"]
)
def test_any_letters_can_be_drawn(name: str) -> None:
    labels = tiles(64, 64, 2)
    assert overlay(np.zeros((64, 64, 3), np.uint8), labels, palette_of(2), [name, "b"]).size
    assert heatmap(np.zeros((9, 9), np.float32), title=name).size


def test_long_names_are_shortened(texts: list[tuple[float, float, str]]) -> None:
    labels = tiles(300, 300, 2)
    overlay(np.zeros((300, 300, 3), np.uint8), labels, palette_of(2), ["x" * 40, "y" * 41])
    assert {text for _, _, text in texts if not text.endswith("%")} == {"x" * 40, "y" * 39 + "…"}


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


@pytest.mark.parametrize("count", [0, 1, 2, 11, 150])
def test_spread_colours_differ_from_their_neighbours(count: int) -> None:
    colors = spread_colors(count)
    assert len(colors) == len(set(colors)) == count
    assert all(isinstance(value, int) and 0 <= value <= 255 for color in colors for value in color)
    assert colors == spread_colors(count + 5)[:count], "a class keeps its colour when others follow"
    table = np.array(colors, int).reshape(-1, 3)
    for steps in range(1, 21):  # as many as a legend shows beside each other
        assert (np.abs(table[steps:] - table[:-steps]).max(axis=1) >= 25).all()
    assert (np.abs(np.diff(table, axis=0)).max(axis=1) > 100).all()
