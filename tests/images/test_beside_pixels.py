"""The texts that pictures carry; palettes are tested with the masks that are read by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hypsegcli.errors import ImageError
from hypsegcli.images.beside_pixels import read_text_chunks
from hypsegcli.images.png import encode_grey16_png, encode_indexed_png

TEXTS = {"hypseg": '{"measure": "entropy"}', "Author": "дорога"}


def test_what_our_maps_were_given(tmp_path: Path) -> None:
    plane, palette = np.zeros((2, 3), np.uint16), np.zeros((1, 3), np.uint8)
    for data in (encode_grey16_png(plane, TEXTS), encode_indexed_png(plane, palette, TEXTS)):
        (tmp_path / "a.png").write_bytes(data)
        assert read_text_chunks(tmp_path / "a.png") == TEXTS


@pytest.mark.parametrize("packed", [False, True])
def test_every_kind_of_chunk(tmp_path: Path, *, packed: bool) -> None:
    info = PngInfo()
    info.add_text("plain", "a", zip=packed)
    info.add_itxt("wide", "\u5efa", lang="zh", zip=packed)
    Image.new("L", (2, 2)).save(tmp_path / "a.png", pnginfo=info)
    found = read_text_chunks(tmp_path / "a.png")
    assert found == {"plain": "a", "wide": "\u5efa"}
    assert {type(text) for text in found.values()} == {str}


def test_what_is_no_text_is_left_out(tmp_path: Path) -> None:
    Image.new("P", (2, 2)).save(tmp_path / "a.png", dpi=(72, 72), gamma=0.5, transparency=0)
    Image.new("L", (2, 2)).save(tmp_path / "b.jpg", comment=b"bytes")
    assert read_text_chunks(tmp_path / "a.png") == read_text_chunks(tmp_path / "b.jpg") == {}


def test_the_pixels_are_not_decoded(tmp_path: Path) -> None:
    data = encode_grey16_png(np.zeros((64, 64), np.uint16), TEXTS)
    (tmp_path / "a.png").write_bytes(data[: data.index(b"IDAT") + 8])
    assert read_text_chunks(tmp_path / "a.png") == TEXTS


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b"plain words", "not a picture in a known format"),
        (b"\x89PNG\r\n\x1a\n cut off", "damaged"),
    ],
)
def test_what_is_no_picture_is_an_error_that_names_the_file(tmp_path: Path, data: bytes | None, sentence: str) -> None:
    path = tmp_path / "a.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ImageError, match=sentence) as caught:
        read_text_chunks(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x20ftypisom\0\0\2\0",
        b"\0\0\0\x14ftypqt  \0\0\2\0",
        b"\x1aE\xdf\xa3\x01\0\0\0",
        b"RIFF\0\1\0\0AVI LIST",
        b"\0\0\1\xba!\0\1\0",
    ],
)
def test_a_video_is_told_how_to_become_pictures(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(head + bytes(1000))
    with pytest.raises(ImageError, match=r"clip\.mp4: this is a video .*ffmpeg -i CLIP frames/%06d\.png") as caught:
        read_text_chunks(tmp_path / "clip.mp4")
    assert caught.value.code == "unsupported"


def test_a_text_that_unpacks_to_far_too_much_is_an_error(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("bomb", "a" * 2_000_000, zip=True)
    Image.new("L", (2, 2)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(ImageError, match=r"a\.png: the picture is damaged"):
        read_text_chunks(tmp_path / "a.png")
