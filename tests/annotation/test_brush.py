"""Label Studio's brush masks: its own converter reads and writes the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.labelled_runs import blobs

from hypsegcli.annotation.brush import decode_brush, encode_brush


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_every_mask_comes_back(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).integers(0, 2, (height, width)).astype(bool)
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), height, width), mask)


def test_a_run_longer_than_a_length_can_say_comes_back() -> None:
    mask = np.zeros((200, 300), bool)
    mask[100:] = True
    mask[5, 5] = True
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), 200, 300), mask)


def test_the_stream_is_as_described() -> None:
    """Two pixels that are in: 8 bytes of 255, which a length of 3 bits can say."""
    bits = f"{8:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}" + f"1{0:02b}{7:03b}{255:08b}"
    wanted = [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)]
    assert encode_brush(np.ones((1, 2), bool)) == wanted


def test_bytes_that_differ_are_read_one_by_one() -> None:
    """Blocks of bytes that are not alike, which our own encoder never writes, and half opaque ones."""
    opacities = [0, 200, 127, 128]
    data = [value for opacity in opacities for value in (1, 2, 3, opacity)]
    bits = f"{16:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}0{1:02b}{15:04b}" + "".join(f"{value:08b}" for value in data)
    stream = [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)]
    assert decode_brush(stream, 2, 2).tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        ([], "no stream of bytes"),
        (["a"] * 9, "no stream of bytes"),
        ([300] * 9, "no stream of bytes"),
        (encode_brush(np.ones((4, 5), bool)), "4 x 4 pixels"),
        (encode_brush(np.eye(4, dtype=bool))[:12], "end too early"),
    ],
)
def test_what_is_no_mask_of_the_image_is_refused(stream: list[object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode_brush(stream, 4, 4)


@pytest.mark.parametrize("seed", range(3))
def test_label_studio_s_converter_agrees(seed: int) -> None:
    brush = pytest.importorskip("label_studio_converter.brush", reason="label-studio-converter is the oracle")
    mask = blobs(2, size=(21 + seed, 30), seed=seed).astype(bool)
    theirs = brush.mask2rle(255 * mask.astype(np.uint8))
    np.testing.assert_array_equal(decode_brush(theirs, *mask.shape), mask)
    opacity = brush.decode_rle(encode_brush(mask)).reshape(*mask.shape, 4)[:, :, 3]
    np.testing.assert_array_equal(opacity, 255 * mask)
