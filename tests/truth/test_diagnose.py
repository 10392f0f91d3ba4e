"""What is said about counts of ids and about sizes, without a file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.truth.diagnose import CITYSCAPES, diagnose, lonely_class, size_mistake


def test_the_list_of_cityscapes() -> None:
    labels = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    pairs = sorted((label.trainId, label.id) for label in labels if not label.ignoreInEval and label.id >= 0)
    assert pairs == list(enumerate(CITYSCAPES))


@settings(max_examples=300, deadline=None)
@given(
    classes=st.integers(1, 30),
    ignore_index=st.integers(-1, 31) | st.just(255),
    data=st.data(),
    mapped=st.booleans(),
)
def test_what_can_be_scored_is_never_refused(
    classes: int, ignore_index: int, data: st.DataObject, mapped: bool
) -> None:
    ids = st.integers(0, classes - 1) | st.just(ignore_index)
    histogram = data.draw(st.dictionaries(ids, st.integers(1, 10**11), min_size=1))
    labelled = set(histogram) - {ignore_index}
    black_and_white = not mapped and classes == 2 and set(histogram) == {0, 255}
    found = diagnose(histogram, classes=classes, ignore_index=ignore_index, scattered=set(histogram), mapped=mapped)
    assert (found is not None) == (not labelled or black_and_white)


def test_ids_without_pixels_do_not_count() -> None:
    assert diagnose({0: 5, 1: 3, 77: 0}, classes=2, ignore_index=255) is None


@pytest.mark.parametrize(
    ("image", "mask", "text"),
    [
        ((480, 640, 3), (640, 480), "one of them lies on its side, as when its EXIF orientation was lost"),
        ((480, 640), (240, 320), "the mask was resized to 0.5 times; masks must have the size"),
        ((480, 640), (960, 1280), "the mask was resized to 2 times;"),
        ((481, 641), (240, 320), "the mask was resized to 0.4992 times;"),
        ((480, 640), (320, 240), "the mask was resized to 0.5 times and lies on its side;"),
        ((3, 1000), (2, 500), "the mask was resized to 0.5 times;"),
        ((1000, 3), (500, 2), "the mask was resized to 0.6667 times;"),
        ((3, 1000), (1, 500), "the mask was resized to 0.5 times;"),
        ((400, 600), (380, 570), "the mask was resized to 0.95 times;"),
        ((480, 640), (480, 480), "one of them was cropped, padded or stretched"),
        ((480, 640), (240, 640), "one of them was cropped, padded or stretched"),
        ((480, 640), (479, 639), "one of them was cropped, padded or stretched"),
        ((480, 640), (450, 610), "one of them was cropped, padded or stretched"),
    ],
)
def test_sizes_that_disagree(image: tuple[int, ...], mask: tuple[int, ...], text: str) -> None:
    found = size_mistake(image, mask)
    assert found.startswith(f"the image is {image[1]} x {image[0]} pixels, the mask {mask[1]} x {mask[0]}: {text}")


@pytest.mark.parametrize(
    ("histogram", "options", "said"),
    [
        (
            {0: 90, 255: 10},
            {},
            "no class but 0 (sky) and the void id 255 occurs in the masks, so that scores say little",
        ),
        ({0: 90, 255: 10}, {}, "if 255 is a class saved as white, translate ids with a file for"),
        ({0: 90}, {}, "no class but 0 (sky) occurs in the masks"),
        ({0: 90}, {}, "check that these are the masks that are meant"),
        ({2: 90, 255: 0}, {}, "no class but 2 (car) occurs"),
        ({0: 9, 1: 9}, {"ignore_index": 0}, "no class but 1 (road) and the void id 0 occurs"),
        ({0: 9, 1: 1, 255: 10}, {}, None),
        ({0: 90, 255: 10}, {"mapped": True}, None),
        ({0: 90}, {"classes": 1}, None),
        ({255: 90}, {}, None),
    ],
)
def test_masks_in_which_one_class_occurs(histogram: dict[int, int], options: dict[str, Any], said: str | None) -> None:
    found = lonely_class(histogram, ["sky", "road", "car"], **{"classes": 3, "ignore_index": 255} | options)
    assert found is None if said is None else said in (found or "")
