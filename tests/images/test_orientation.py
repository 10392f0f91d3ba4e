"""Which way is up: as EXIF says, or XMP where EXIF says nothing, the same for every format and way of reading."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.images.image_like import decode_image_like
from hypsegcli.images.orientation import Orientation, tiff_orientation
from hypsegcli.images.tiff_read import TiffRows

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
ATTRIBUTE, ELEMENT = b'<a tiff:Orientation="%d"/>', b"<tiff:Orientation>%d</tiff:Orientation>"
GEO = [(33550, 12, 3, (1.0, 1.0, 0.0), True)]


def save(path: Path, xmp: bytes, exif: int | None = None) -> Path:
    """A picture of noise with XMP, and an orientation in EXIF where there is one."""
    if path.suffix == ".tif":
        tags: list[Any] = [(700, 1, len(xmp), xmp, True), *GEO]
        tags += [] if exif is None else [(274, 3, 1, exif, True)]
        tifffile.imwrite(path, RGB, photometric="rgb", metadata=None, extratags=tags)
        return path
    options: dict[str, Any] = {"xmp": xmp}
    if path.suffix == ".png":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": info}
    if exif is not None:
        options["exif"] = Image.Exif()
        options["exif"][274] = exif
    Image.fromarray(RGB).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("written", [ATTRIBUTE, ELEMENT])
def test_xmp_counts_where_exif_says_nothing_and_is_named(tmp_path: Path, suffix: str, written: bytes) -> None:
    decoded = decode_image(save(tmp_path / f"a{suffix}", written % 6))
    plain = decode_image(save(tmp_path / f"b{suffix}", b"<a/>"))
    np.testing.assert_array_equal(decoded.pixels, np.rot90(plain.pixels, -1))
    assert decoded.orientation == 6
    assert decoded.notes == ("turned upright (XMP orientation 6)",)
    assert plain.notes == ()
    with Image.open(tmp_path / f"a{suffix}") as image:
        lazy = decode_image_like(image, "a")
    assert lazy.notes == decoded.notes
    np.testing.assert_array_equal(lazy.pixels, decoded.pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tif"])
@pytest.mark.parametrize("exif", [1, 8])
def test_exif_goes_before_xmp(tmp_path: Path, suffix: str, exif: int) -> None:
    decoded = decode_image(save(tmp_path / f"a{suffix}", ATTRIBUTE % 6, exif))
    assert decoded.orientation == exif
    assert decoded.notes == (() if exif == 1 else ("turned upright (EXIF orientation 8)",))


def test_an_avif_says_it_itself(tmp_path: Path) -> None:
    assert decode_image(save(tmp_path / "a.avif", ATTRIBUTE % 6)).notes == ()


def test_a_tiff_turned_by_xmp_is_on_its_side_for_all_that_read_it(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", ATTRIBUTE % 6)
    with pytest.raises(ImageError, match=r"has to be turned [(]XMP orientation 6"):
        TiffRows(path)
    assert decode_image(path).georeference == ()
    assert decode_image(save(path, ATTRIBUTE % 1)).georeference
    xmp = ATTRIBUTE % 6
    tifffile.imwrite(path, RGB[..., 0], metadata=None, extratags=[(700, 1, len(xmp), xmp, True)])
    np.testing.assert_array_equal(decode_mask(path), np.rot90(RGB[..., 0], -1))


@pytest.mark.parametrize("above", [{274: 3}, {700: ATTRIBUTE % 3}])
@pytest.mark.parametrize("own", [b"<a/>", ATTRIBUTE % 6])
def test_a_picture_below_another_is_turned_once(tmp_path: Path, own: bytes, above: dict[int, Any]) -> None:
    path = tmp_path / "a.dng"
    values = [(tag, 3 if tag == 274 else 1, 1 if tag == 274 else len(said), said, True) for tag, said in above.items()]
    with tifffile.TiffWriter(path) as file:
        preview = np.ascontiguousarray(RGB[::2, ::2])
        file.write(preview, photometric="rgb", subfiletype=1, subifds=1, metadata=None, extratags=values)
        own_tags: list[Any] = [(700, 1, len(own), own, True)]
        file.write(RGB, photometric="rgb", subfiletype=0, metadata=None, extratags=own_tags)
    decoded = decode_image(path)
    np.testing.assert_array_equal(decoded.pixels, np.rot90(RGB, -1 if own == ATTRIBUTE % 6 else 2))
    with pytest.raises(ImageError, match=f"orientation {decoded.orientation}"):
        TiffRows(path)


@pytest.mark.parametrize("number", [0, 9])
def test_numbers_without_a_meaning_are_upright(tmp_path: Path, number: int) -> None:
    for path in (save(tmp_path / "a.png", ATTRIBUTE % number), save(tmp_path / "a.png", b"", number)):
        assert decode_image(path).notes == ()
    assert tiff_orientation({274: number}.get) == tiff_orientation({700: (ELEMENT % number,)}.get) == Orientation()


def test_a_tiff_may_say_nothing() -> None:
    tags: list[dict[int, object]] = [{}, {700: b"<a/>"}, {700: (1, 2)}]
    assert [tiff_orientation(values.get) for values in tags] == [None] * 3


def test_a_picture_as_stored_is_turned_by_hand() -> None:
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG")
    for number in range(1, 9):
        image = Orientation(number).apply(Image.open(buffer))
        assert image.size == ((9, 6) if number < 5 else (6, 9))
