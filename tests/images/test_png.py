"""What is read back from a PNG is what was given."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from hypsegcli.images.decode import decode_mask
from hypsegcli.images.png import encode_grey8_png, encode_grey16_png, encode_indexed_png, encode_rgb_png

Encoder = Callable[[NDArray[Any]], bytes]


def chunks(png: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        tag, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(tag + body)
        found[tag.decode()] = found.get(tag.decode(), b"") + body
        at += 12 + length
    return found


def opened(png: bytes) -> PngImageFile:
    image = Image.open(io.BytesIO(png))
    assert isinstance(image, PngImageFile)
    image.load()
    return image


@settings(max_examples=40, deadline=None)
@given(
    classes=st.integers(1, 300) | st.sampled_from([1, 2, 4, 16, 255, 256, 257, 65536]),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    dtype=st.sampled_from([np.int64, np.int32, np.uint16, np.uint8]),
    seed=st.integers(0, 99),
)
def test_ids_and_palette_come_back(
    tmp_path_factory: pytest.TempPathFactory, classes: int, shape: tuple[int, int], dtype: type[np.integer], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    top = min(classes, np.iinfo(dtype).max + 1)
    labels = rng.integers(0, top, shape).astype(dtype)
    palette = rng.integers(0, 256, (classes, 3)).astype(np.uint8)
    png = encode_indexed_png(labels, palette, {})
    path = tmp_path_factory.mktemp("ids") / "ids.png"
    path.write_bytes(png)
    assert np.array_equal(decode_mask(path), labels)
    found = chunks(png)
    if classes <= 256:
        assert found["PLTE"] == palette.tobytes()
        assert found["IHDR"][8:10] == b"\x08\x03"  # 8 bits, indexed
        assert np.array_equal(np.asarray(opened(png).convert("RGB")), palette[labels])
    else:
        assert "PLTE" not in found
        assert found["IHDR"][8:10] == b"\x10\x00"  # 16 bits, grey


@pytest.mark.parametrize("layout", [lambda a: a.T, lambda a: a[::-1, ::2], np.asfortranarray])
def test_any_memory_layout(layout: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    labels = layout(np.arange(30, dtype=np.int64).reshape(5, 6))
    palette = np.zeros((30, 3), np.uint8)
    assert np.array_equal(np.asarray(opened(encode_indexed_png(labels, palette, {}))), labels)
    plane = labels.astype(np.uint16) * 2000
    assert np.array_equal(np.asarray(opened(encode_grey16_png(layout(plane), {}))), layout(plane))


@pytest.mark.parametrize("value", [-1, 3, 256, 2**40])
def test_an_id_without_a_palette_row_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="palette has rows 0 to 2"):
        encode_indexed_png(np.array([[0, value]]), np.zeros((3, 3), np.uint8), {})


@pytest.mark.parametrize(
    ("labels", "palette", "sentence"),
    [
        (np.zeros((2, 2, 1), int), np.zeros((3, 3), np.uint8), "labels must be"),
        (np.zeros((0, 2), int), np.zeros((3, 3), np.uint8), "not empty"),
        (np.zeros((2, 2)), np.zeros((3, 3), np.uint8), "must be integers"),
        (np.zeros((2, 2), int), np.zeros((3, 4), np.uint8), "palette must be"),
        (np.zeros((2, 2), int), np.zeros((3, 3)), "palette must be"),
        (np.zeros((2, 2), int), np.zeros((0, 3), np.uint8), "1 to 65536 classes"),
        (np.zeros((2, 2), int), np.zeros((65537, 3), np.uint8), "1 to 65536 classes"),
    ],
)
def test_wrong_label_maps_are_refused(labels: NDArray[Any], palette: NDArray[Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        encode_indexed_png(labels, palette, {})


def test_planes_and_pictures_come_back() -> None:
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(np.asarray(opened(encode_grey16_png(deep, {}))), deep)
    assert opened(encode_grey16_png(deep)).mode == "I;16"
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(np.asarray(opened(encode_grey8_png(grey, {}))), grey)
    assert opened(encode_grey8_png(grey)).mode == "L"
    rgb = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(opened(encode_rgb_png(rgb))), rgb)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (9, 4)])
@pytest.mark.parametrize(
    ("encode", "dtype", "samples", "flag"),
    [
        (encode_grey8_png, np.uint8, 1, cv2.IMREAD_UNCHANGED),
        (encode_grey16_png, np.uint16, 1, cv2.IMREAD_UNCHANGED),
        (encode_rgb_png, np.uint8, 3, cv2.IMREAD_COLOR_RGB),
    ],
)
def test_two_decoders_read_the_same(
    encode: Encoder, dtype: type[np.integer], samples: int, flag: int, shape: tuple[int, int]
) -> None:
    """Any values, so that differences between rows wrap around."""
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (*shape, samples), dtype)
    array = values if samples == 3 else values[..., 0]
    png = encode(array)
    assert np.array_equal(np.asarray(opened(png)), array)
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), flag)
    assert decoded is not None
    assert np.array_equal(decoded, array)


@pytest.mark.parametrize(
    ("encode", "array"),
    [
        (encode_grey16_png, np.zeros((2, 2), np.uint8)),
        (encode_grey16_png, np.zeros((2, 2, 3), np.uint16)),
        (encode_grey8_png, np.zeros((2, 2), np.uint16)),
        (encode_grey8_png, np.zeros((2, 2), bool)),
        (encode_rgb_png, np.zeros((2, 2), np.uint8)),
        (encode_rgb_png, np.zeros((2, 2, 4), np.uint8)),
        (encode_rgb_png, np.zeros((2, 2, 3), np.float32)),
    ],
)
def test_wrong_planes_are_refused(encode: Encoder, array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        encode(array)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z]{1,79}", fullmatch=True),
        st.text(max_size=40).map(lambda t: t.replace("\0", "")),
        max_size=3,
    )
)
def test_text_comes_back(text: dict[str, str]) -> None:
    plane = np.zeros((2, 2), np.uint8)
    for png in (
        encode_grey8_png(plane, text),
        encode_grey16_png(plane.astype(np.uint16), text),
        encode_indexed_png(plane, np.zeros((1, 3), np.uint8), text),
    ):
        assert opened(png).text == text


def test_text_takes_the_smallest_chunk_and_survives_odd_names() -> None:
    plane = np.zeros((2, 2), np.uint8)
    assert "tEXt" in chunks(encode_grey8_png(plane, {"Source": "Straße"}))
    assert "iTXt" in chunks(encode_grey8_png(plane, {"Source": "街道"}))
    odd = os.fsdecode(b"caf\xe9.jpg")
    assert opened(encode_grey8_png(plane, {"Source": odd})).text == {"Source": "caf\ufffd.jpg"}
    assert opened(encode_grey8_png(plane, {"Source": "a\0b"})).text == {"Source": "a\ufffdb"}


@pytest.mark.parametrize("key", ["", "x" * 80, "Schlüssel", "a\nb"])
def test_keys_that_png_forbids(key: str) -> None:
    with pytest.raises(ValueError, match="1 to 79 printable ASCII"):
        encode_grey8_png(np.zeros((2, 2), np.uint8), {key: "x"})
