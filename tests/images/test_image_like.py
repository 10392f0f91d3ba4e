"""What a caller has of an image: a path, a Pillow image, an array; all of one picture give the same pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.stores import Store

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
        image.load()
        again = decode_image_like(image, "x")
    for decoded in (first, again):
        assert np.array_equal(decoded.pixels, wanted.pixels)
    assert first.notes == wanted.notes
    assert image_path(image) == image_path(path) == path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16"])
def test_a_tiff_that_pillow_would_map_is_turned_as_its_file(tmp_path: Path, mode: str, orientation: int) -> None:
    path, grey = tmp_path / "x.tif", Image.fromarray(RGB[..., 0])
    image = Image.fromarray(RGB[..., 0].astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    image.save(path, tiffinfo={274: orientation})
    wanted = decode_image(path)
    with Image.open(path) as opened:
        found = decode_image_like(opened, "x")
    assert found.orientation == wanted.orientation == orientation
    assert np.array_equal(found.pixels, wanted.pixels)


def test_of_several_frames_in_a_tiff_the_one_that_is_shown_counts(tmp_path: Path) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1])]
    frames[0].save(tmp_path / "x.tif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "x.tif") as image:
        image.seek(1)
        assert np.array_equal(decode_image_like(image, "x").pixels, RGB[::-1])


def test_an_array_is_copied(tmp_path: Path) -> None:
    array = RGB.copy()
    for view in (array, array[::-1], array[..., ::-1], np.asfortranarray(array)):
        pixels = decode_image_like(view, "x").pixels
        assert np.array_equal(pixels, view)
        assert pixels.flags.c_contiguous
        assert not np.shares_memory(pixels, array)
    assert image_path(array) is None
    assert image_path(Image.fromarray(array)) is None


def test_an_address_is_a_path_too(store: Store, tmp_path: Path) -> None:
    store["a.png"] = save(tmp_path / "a.png", "turned").read_bytes()
    there = decode_image_like(store.at("a.png"), "x")
    assert (there.pixels == decode_image_like(tmp_path / "a.png", "x").pixels).all()
    assert str(image_path(store.at("a.png"))) == store.at("a.png")


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
