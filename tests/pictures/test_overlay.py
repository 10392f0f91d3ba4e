"""Overlays: colours over a photograph, and the legend beside it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.pictures.overlay import overlay
from hypsegcli.training.colors import read_colors

RGB = NDArray[np.uint8]


def palette_of(count: int) -> RGB:
    return np.array(read_colors(None, [str(index) for index in range(count)]), np.uint8)


def names_of(count: int) -> list[str]:
    return [f"class number {index}" for index in range(count)]


def tiles(height: int, width: int, count: int, side: int = 8) -> NDArray[np.uint16]:
    """Every label in blocks, row by row."""
    y, x = np.mgrid[0:height, 0:width] // side
    return np.asarray((y * -(-width // side) + x) % count, np.uint16)


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


def test_the_photograph_is_clear_in_the_background_alone(texts: list[tuple[float, float, str]]) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    labels = np.zeros((240, 320), np.uint8)
    labels[50:90, 60:120] = 1
    arguments = photo, labels, palette_of(2), ["background", "nucleus"]
    plain, clear = overlay(*arguments)[:, :320], overlay(*arguments, background=0)[:, :320]
    edges = np.zeros(labels.shape, bool)
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edges[1:] |= labels[1:] != labels[:-1]
    rest = (labels == 0) & ~edges
    np.testing.assert_array_equal(clear[rest], photo[rest])
    np.testing.assert_array_equal(clear[~rest], plain[~rest])
    names = [text for _, _, text in texts if not text.endswith("%")]
    assert names == ["background", "nucleus", "nucleus", "background"], "the one with a background lists it last"


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


def test_of_two_hundred_classes_the_last_row_sums_up_the_smallest(texts: list[tuple[float, float, str]]) -> None:
    labels = tiles(480, 640, 200)
    labels[:200] = 150
    labels[200:240] = 7
    found = overlay(np.zeros((480, 640, 3), np.uint8), labels, palette_of(200), names_of(200))
    assert found.shape[0] == 480
    names = [text for _, _, text in texts if not text.endswith("%")]
    assert 15 < len(names) < 30
    assert names[:2] == ["class number 150", "class number 7"]
    present = len(np.unique(labels))
    assert names[-1] == f"{present - len(names) + 1} more"
    assert sum(float(text.split()[0]) for _, _, text in texts if text.endswith("%")) == pytest.approx(100, abs=1.5)


@pytest.mark.parametrize("classes", [2, 11, 16, 59])
@pytest.mark.parametrize(("height", "width"), [(360, 480), (720, 1280), (200, 300), (31, 17)])
def test_overlays_of_one_size_of_photograph_have_one_size(classes: int, height: int, width: int) -> None:
    """Whatever is in the picture; and even, where the photograph is, for the codecs of films."""
    photo, palette, names = np.zeros((height, width, 3), np.uint8), palette_of(classes), names_of(classes)
    sizes = set()
    for present in {1, 2, classes // 2, classes}:
        labels = tiles(height, width, present) + np.uint16(classes - present)
        sizes.add(overlay(photo, labels, palette, names).shape)
    (size,) = sizes
    assert (size[1] - width) % 2 == 0
    assert size[0] <= max(height, 240)
    assert width < size[1] < width + 650


def test_without_a_legend_it_is_as_large_as_the_photograph() -> None:
    photo, labels = np.zeros((90, 70, 3), np.uint8), tiles(90, 70, 3)
    whole = overlay(photo, labels, palette_of(3), names_of(3))
    alone = overlay(photo, labels, palette_of(3), names_of(3), legend=False)
    np.testing.assert_array_equal(alone, whole[:90, :70])
    assert whole.shape[1] > 70


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
    assert len(texts) == 2 * min(present, 12 if height < 240 else 30)
    assert height <= found.shape[0] <= max(height, 240)
    assert width < found.shape[1] < width + 1600


@pytest.mark.parametrize(
    "name", ["дорога", "建物", "עברית", "🚗", "line\nbreak\tand tab", "", "e\u0301", "\u202eabc", "\ud800"]
)
def test_any_letters_can_be_drawn(name: str) -> None:
    labels = tiles(64, 64, 2)
    assert overlay(np.zeros((64, 64, 3), np.uint8), labels, palette_of(2), [name, "b"]).size


def test_long_names_are_shortened(texts: list[tuple[float, float, str]]) -> None:
    labels = tiles(300, 300, 2)
    overlay(np.zeros((300, 300, 3), np.uint8), labels, palette_of(2), ["x" * 40, "y" * 41])
    assert {text for _, _, text in texts if not text.endswith("%")} == {"x" * 40, "y" * 39 + "…"}


def test_where_there_are_no_data_the_photograph_is_seen_and_shares_are_of_the_rest() -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (240, 64, 3), dtype=np.uint8)
    labels = tiles(240, 64, 3).astype(np.uint8)
    valid = np.ones(labels.shape, np.bool_)
    valid[:, :24] = False
    void = np.where(valid, labels, 255).astype(np.uint8)
    shown = overlay(photograph, void, palette_of(3), names_of(3), valid=valid)
    np.testing.assert_array_equal(shown[:240, :24], photograph[:, :24])
    part = overlay(photograph[:, 24:], labels[:, 24:], palette_of(3), names_of(3))
    np.testing.assert_array_equal(shown[:, 64:], part[:, 40:])
    np.testing.assert_array_equal(shown[:240, 25:64], part[:240, 1:40])
