"""COCO's run lengths: its own programs read and write the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.labelled_runs import blobs

from hypsegcli.annotation.rle import encode_regions, from_text, to_mask, to_text


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 5), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_every_label_comes_back(height: int, width: int, labels: int, seed: int) -> None:
    found = np.random.default_rng(seed).integers(0, labels + 1, (height, width))
    back = np.zeros_like(found)
    for region in encode_regions(found):
        inside = to_mask(from_text(to_text(region.counts)), height, width)
        left, top, across, down = region.box
        assert inside.sum() == region.area
        assert inside[top : top + down, left : left + across].sum() == region.area
        back[inside] = region.label
    np.testing.assert_array_equal(back, found)


def test_the_text_is_coco_s() -> None:
    """Of a mask of 5 x 5 pixels; by hand: six out, three in, two out, three in, the rest out."""
    mask = np.zeros((5, 5), np.uint8)
    mask[1:4, 1:3] = 1
    (region,) = encode_regions(mask)
    assert region.counts.tolist() == [6, 3, 2, 3, 11]
    assert to_text(region.counts) == "63209"
    assert (region.area, region.box) == (6, (1, 1, 2, 3))


@pytest.mark.parametrize("text", ["", "6é", "6 3", "P", "\x7f"])
def test_what_is_no_text_of_coco_s_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no text of COCO's"):
        from_text(text)


@pytest.mark.parametrize("counts", [[], [24], [26], [-1, 26], [10, 10]])
def test_counts_of_other_sizes_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="5 x 5 pixels"):
        to_mask(np.array(counts, np.int64), 5, 5)


@pytest.mark.parametrize("seed", range(6))
def test_pycocotools_agrees(seed: int) -> None:
    oracle = pytest.importorskip("pycocotools.mask", reason="pycocotools is the oracle")
    labels = blobs(6, size=(20 + seed, 33), seed=seed)
    for region in encode_regions(labels):
        encoded = oracle.encode(np.asfortranarray((labels == region.label).astype(np.uint8)))
        assert to_text(region.counts) == encoded["counts"].decode()
        assert region.area == oracle.area(encoded)
        assert list(region.box) == oracle.toBbox(encoded).tolist()
        np.testing.assert_array_equal(
            to_mask(from_text(encoded["counts"].decode()), *labels.shape), labels == region.label
        )


def test_long_runs_come_back() -> None:
    counts = np.array([0, 2**31, 5, 2**33, 1, 3], np.int64)
    np.testing.assert_array_equal(from_text(to_text(counts)), counts)
