"""The gallery of worst images: who is in it, and what is in a strip."""

from __future__ import annotations

import itertools
import math
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hypsegcli.pictures.heatmap import doubt_colors
from hypsegcli.scores.gallery import KEPT, Gallery, strip
from hypsegcli.scores.tally import Sample

PALETTE = np.array([(200, 0, 0), (0, 200, 0), (0, 0, 200)], np.uint8)
VOID = (128, 128, 128)
WHITE = (255, 255, 255)


def sample(
    key: str = "a", *, shape: tuple[int, int] = (90, 120), truth: int = 0, labels: int = 1, **levels: int
) -> Sample:
    planes = {name: np.full(shape, level, np.uint16) for name, level in levels.items()}
    return Sample(key, np.full(shape, truth, np.uint8), np.full(shape, labels, np.uint8), planes)


def pictures_of(found: np.ndarray, width: int) -> list[np.ndarray]:
    """A strip cut at its white gaps of four pixels."""
    assert (found.shape[1] + 4) % (width + 4) == 0
    parts = [found[:, start : start + width] for start in range(0, found.shape[1], width + 4)]
    for start in range(width, found.shape[1], width + 4):
        assert (found[:, start : start + 4] == WHITE).all()
    return parts


def flat(picture: np.ndarray) -> tuple[int, ...]:
    """The one colour of a picture."""
    assert (picture == picture[0, 0]).all()
    return tuple(picture[0, 0].tolist())


def test_photograph_truth_answer_uncertainty() -> None:
    photo = np.full((90, 120, 3), (10, 20, 30), np.uint8)
    found = strip(sample(truth=2, labels=0, entropy=0, distance=16384), photo, PALETTE, "distance")
    assert found.dtype == np.uint8
    assert found.shape == (180, 4 * 240 + 3 * 4, 3)
    colors = [flat(part) for part in pictures_of(found, 240)]
    doubt = doubt_colors(np.full((1, 1), 0.75, np.float32))[0, 0]
    assert colors == [(10, 20, 30), (0, 0, 200), (200, 0, 0), tuple(doubt.tolist())]


def test_what_is_not_there_is_left_out() -> None:
    photo = np.full((90, 120, 3), (10, 20, 30), np.uint8)
    counts = {
        (shown is not None, measure is not None): len(
            pictures_of(strip(sample(distance=9), shown, PALETTE, measure), 240)
        )
        for shown, measure in itertools.product((None, photo), (None, "distance"))
    }
    assert counts == {(True, True): 4, (False, True): 3, (True, False): 3, (False, False): 2}
    assert [flat(part) for part in pictures_of(strip(sample(), None, PALETTE), 240)] == [(200, 0, 0), (0, 200, 0)]


def test_void_and_undecided_are_grey() -> None:
    found = strip(sample(truth=3, labels=3), None, PALETTE)
    assert [flat(part) for part in pictures_of(found, 240)] == [VOID, VOID]


def test_pixels_stay_in_their_place() -> None:
    truth = np.zeros((90, 120), np.uint8)
    truth[:30, 60:] = 1
    levels = np.full((90, 120), 65535, np.uint16)
    levels[60:] = 0
    one = Sample("a", truth, truth[::-1], {"distance": levels})
    left, right, doubt = pictures_of(strip(one, None, PALETTE, "distance"), 240)
    assert flat(left[:59, 121:]) == flat(right[121:, 121:]) == (0, 200, 0)
    assert flat(left[61:]) == flat(left[:, :119]) == flat(right[:119]) == (200, 0, 0)
    assert flat(doubt[:119]) != flat(doubt[121:])
    assert int(doubt[150].sum()) > int(doubt[50].sum()), "doubt is bright"


def test_a_photograph_of_another_size_is_brought_to_that_of_the_truth() -> None:
    found = strip(sample(), np.full((33, 50, 3), 77, np.uint8), PALETTE)
    assert [flat(part) for part in pictures_of(found, 240)] == [(77, 77, 77), (200, 0, 0), (0, 200, 0)]


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 1), (180, 180)), ((180, 1440), (180, 1440)), ((180, 1441), (180, 1440)), ((10, 6000), (2, 1440)),
     ((1, 20000), (1, 1440)), ((20000, 1), (180, 1)), ((400, 100), (180, 45))],
)  # fmt: skip
def test_any_shape_fits_into_a_jpeg(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert strip(sample(shape=shape, distance=9), None, PALETTE, "distance").shape == (size[0], 3 * size[1] + 8, 3)
    gallery = Gallery("distance")
    gallery.offer(0.0, sample(shape=shape, distance=9), None, PALETTE)
    with Image.open(BytesIO(gallery.kept[0].picture)) as picture:
        assert picture.size == (3 * size[1] + 8, size[0])


def test_a_strip_is_kept_as_a_jpeg_of_its_colours() -> None:
    gallery = Gallery("distance")
    photo = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    gallery.offer(0.0, sample(distance=40000), photo, PALETTE)
    with Image.open(BytesIO(gallery.kept[0].picture)) as picture:
        assert picture.format == "JPEG"
        seen = np.asarray(picture).astype(int)
    expected = strip(sample(distance=40000), photo, PALETTE, "distance").astype(int)
    assert seen.shape == expected.shape
    assert np.abs(seen - expected).mean() < 3
    truth, answer = pictures_of(expected, 240)[1:3]
    assert np.abs(seen[:, 244:484] - truth).max() <= 8
    assert np.abs(seen[:, 488:728] - answer).max() <= 8


class Pen:
    """Draws of every image its key, and remembers the keys."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, one: Sample, *_: Any) -> bytes:
        self.keys.append(one.key)
        return one.key.encode()


def offer_all(offers: list[tuple[float, str]], draw: Pen) -> Gallery:
    gallery = Gallery(draw=draw)
    for rank, key in offers:
        gallery.offer(rank, sample(key, shape=(1, 1)), None, PALETTE)
    return gallery


@settings(max_examples=60, deadline=None)
@given(offers=st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, math.inf]), st.text("abc")), max_size=40))
def test_the_ten_smallest_whatever_the_order(offers: list[tuple[float, str]]) -> None:
    offers = list({key: (rank, key) for rank, key in offers}.values())
    for order in (offers, offers[::-1], sorted(offers), sorted(offers, reverse=True)):
        kept = offer_all(order, Pen()).kept
        assert [item[:2] for item in kept] == sorted(offers)[:KEPT]
        assert [item.picture.decode() for item in kept] == [item.key for item in kept]


@settings(max_examples=30, deadline=None)
@given(
    offers=st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), st.text("abc")), max_size=40),
    of=st.integers(1, 5),
)
def test_galleries_of_any_shards_are_one(offers: list[tuple[float, str]], of: int) -> None:
    offers = list({key: (rank, key) for rank, key in offers}.values())
    merged = Gallery()
    for index in reversed(range(of)):
        merged.merge(offer_all(offers[index::of], Pen()))
    assert merged.kept == offer_all(offers, Pen()).kept


def test_ties_go_by_key() -> None:
    keys = [f"{index:02d}" for index in range(15)]
    for order in (keys, keys[::-1]):
        assert [item.key for item in offer_all([(0.5, key) for key in order], Pen()).kept] == keys[:10]


def test_no_strip_is_drawn_of_an_image_that_does_not_enter() -> None:
    pen = Pen()
    gallery = offer_all([(index / 10, f"{index:02d}") for index in range(10)], pen)
    assert len(pen.keys) == 10
    pen.keys.clear()
    for rank, key in ((1.0, "x"), (0.9, "09a"), (math.nan, "nan"), (math.inf, "y")):
        gallery.offer(rank, sample(key), None, PALETTE)
    assert pen.keys == []
    gallery.offer(0.9, sample("08z"), None, PALETTE)
    gallery.offer(-1.0, sample("z"), None, PALETTE)
    assert pen.keys == ["08z", "z"]
    assert [item.key for item in gallery.kept] == ["z", *(f"{index:02d}" for index in range(9))]


def test_nan_is_no_rank() -> None:
    pen = Pen()
    kept = offer_all([(math.nan, "a"), (1.0, "b"), (math.nan, "c"), (0.0, "d"), (-math.nan, "e")], pen).kept
    assert [item.key for item in kept] == ["d", "b"]
    assert pen.keys == ["b", "d"]
