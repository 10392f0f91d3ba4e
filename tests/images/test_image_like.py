"""What a caller has of an image: a path, a Pillow image, an array; all of one picture give the same pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.image_like import decode_image_like, image_path

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def save(path: Path, kind: str) -> Path:
    """A picture of one of the kinds that decoding has to turn into upright RGB."""
    image = Image.fromarray(RGB)
    options: dict[str, Any] = {}
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        options = {"exif": exif}
    elif kind == "transparent":
        image.putalpha(Image.fromarray(RGB[..., 0]))
    elif kind == "deep":
        image = Image.fromarray(RGB[..., 0].astype(np.uint16) * 200)
    elif kind == "palette":
        image = image.quantize(7)
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", ["plain", "turned", "transparent", "deep", "palette"])
def test_a_pillow_image_is_decoded_as_its_file(tmp_path: Path, kind: str, suffix: str) -> None:
    path = save(tmp_path / f"x{suffix}", kind)
    wanted = decode_image(path)
    assert np.array_equal(decode_image_like(str(path), "x").pixels, wanted.pixels)
    with Image.open(path) as image:
        first = decode_image_like(image, "x")
        again = decode_image_like(image, "x")  # loaded by now
    for decoded in (first, again):
        assert np.array_equal(decoded.pixels, wanted.pixels)
    assert first.notes == wanted.notes
    assert image_path(image) == image_path(path) == path


def test_an_array_is_copied(tmp_path: Path) -> None:
    array = RGB.copy()
    for view in (array, array[::-1], array[..., ::-1], np.asfortranarray(array)):
        pixels = decode_image_like(view, "x").pixels
        assert np.array_equal(pixels, view)
        assert pixels.flags.c_contiguous
        assert not np.shares_memory(pixels, array)
    assert image_path(array) is None
    assert image_path(Image.fromarray(array)) is None


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (RGB[..., 0], r"\(6, 9\) is grey"),
        (np.dstack([RGB, RGB[..., 0]]), r"\(6, 9, 4\) has a fourth channel"),
        (RGB.transpose(2, 0, 1), r"\(3, 6, 9\) has its channels first"),
        (RGB[None], r"\(1, 6, 9, 3\) is no image"),
        (RGB[..., :1], r"\(6, 9, 1\) is no image"),
        (RGB / 255, "float64 does not tell how bright"),
        (RGB.astype(np.int64), "int64 does not tell"),
        (RGB[:0], "there is nothing in it"),
        (RGB.tolist(), "expected a path, a Pillow image or an array .*, not list"),
        (None, "not NoneType"),
        (b"x.png", "not bytes"),
        (Image.fromarray(RGB[..., 0].astype(np.float32)), "floating-point"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(image: Any, says: str) -> None:
    with pytest.raises(ImageError, match=rf"^image 7: .*{says}"):
        decode_image_like(image, "image 7")


@pytest.mark.parametrize("image", [RGB, Image.fromarray(RGB)])
def test_no_more_pixels_than_allowed(image: Any) -> None:
    assert decode_image_like(image, "x", max_pixels=54).pixels.shape == (6, 9, 3)
    with pytest.raises(ImageError, match="at most 53"):
        decode_image_like(image, "x", max_pixels=53)
