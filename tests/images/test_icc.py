"""Colour profiles in files: what they stand for reaches the network, and none costs a picture."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from hypsegcli.images.decode import decode_image
from hypsegcli.images.icc import ToSrgb
from hypsegcli.images.tiff_read import TiffRows

DARK = "99% of its 16-bit values lie below an eighth of their range: it comes out dark"
CONVERTED = "colours converted to sRGB from the profile in the file"


def profile(gamma: float, *, grey: bool = False, space: bytes | None = None) -> bytes:
    """A profile, version 2.1, with sRGB's primaries and another curve."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = [(b"cprt", b"text\0\0\0\0n\0"), (b"wtpt", b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249))]
    tags.append((b"desc", b"desc\0\0\0\0" + struct.pack(">I", 2) + b"t\0" + bytes(78)))
    if grey:
        tags.append((b"kTRC", curve))
    else:
        primaries = {b"r": (0.4361, 0.2225, 0.0139), b"g": (0.3851, 0.7169, 0.0971), b"b": (0.1431, 0.0606, 0.7141)}
        for name, place in primaries.items():
            tags += [(name + b"XYZ", b"XYZ \0\0\0\0" + fixed(*place)), (name + b"TRC", curve)]
    at, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags:
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(padded))
        body += padded
    head = struct.pack(">I", at + len(body)) + b"lcms" + struct.pack(">I", 0x2100000) + b"mntr"
    head += (space or (b"GRAY" if grey else b"RGB ")) + b"XYZ " + struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp"
    head += bytes(28) + fixed(0.9642, 1, 0.8249) + b"lcms"
    return head + bytes(128 - len(head)) + table + body


def ramp() -> NDArray[np.uint8]:
    y, x = np.mgrid[0:32, 0:64]
    return np.stack([x * 4, y * 8, (x + y) * 2], axis=-1).astype(np.uint8)


def srgb_of_linear(values: NDArray[Any]) -> NDArray[Any]:
    """IEC 61966-2-1."""
    light = values / 255
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def save(path: Path, image: Image.Image, icc: bytes, **options: Any) -> Path:
    image.save(path, icc_profile=icc, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_linear_light_becomes_srgb(tmp_path: Path, name: str, mode: str) -> None:
    image = Image.fromarray(ramp()).convert(mode)
    options = {"lossless": True} if name == "a.webp" else {}
    found = decode_image(save(tmp_path / name, image, profile(1.0), **options))
    assert np.abs(found.pixels - srgb_of_linear(np.asarray(image.convert("RGB")))).max() <= 2
    assert found.notes == (CONVERTED,)


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_has_curves_too(tmp_path: Path, bits: int) -> None:
    grey = ramp()[..., 0]
    image = Image.fromarray(grey if bits == 8 else grey.astype(np.uint16) * 257)
    found = decode_image(save(tmp_path / "a.png", image, profile(1.0, grey=True)))
    assert np.abs(found.pixels[..., 1] - srgb_of_linear(grey)).max() <= 2
    assert found.notes[-1] == CONVERTED


def test_srgb_itself_is_left_as_it_is_without_a_note(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = decode_image(save(tmp_path / "a.png", Image.fromarray(ramp()), srgb))
    np.testing.assert_array_equal(found.pixels, ramp())
    assert found.notes == ()


@pytest.mark.parametrize(
    ("icc", "words"),
    [
        (b"no profile at all", "damaged colour profile ignored"),
        (profile(1.0)[:200], "damaged colour profile ignored"),
        (bytes(2**24 + 1), "damaged colour profile ignored"),
        (profile(1.0, grey=True), "colour profile for GRAY ignored"),
        (profile(1.0, space=b"Lab "), "colour profile for Lab ignored"),
    ],
)
def test_what_cannot_be_used_costs_a_note_and_not_the_picture(tmp_path: Path, icc: bytes, words: str) -> None:
    colors = ToSrgb(icc, "RGB")
    assert not colors
    assert colors.note == words
    if len(icc) < 2**20:
        found = decode_image(save(tmp_path / "a.png", Image.fromarray(ramp()), icc))
        np.testing.assert_array_equal(found.pixels, ramp())
        assert found.notes == (words,)


def test_mutated_profiles_never_raise() -> None:
    draw, whole = np.random.default_rng(0), profile(1.8)
    image = Image.fromarray(ramp())
    for _ in range(300):
        data = bytearray(whole)
        for place in draw.integers(0, len(data), 3):
            data[place] = draw.integers(0, 256)
        if colors := ToSrgb(bytes(data), "RGB"):
            colors.apply(image.copy())


def test_cmyk_without_a_profile_of_its_own_is_converted_as_before(tmp_path: Path) -> None:
    image = Image.fromarray(ramp()).convert("CMYK")
    found = decode_image(save(tmp_path / "a.tif", image, profile(1.0)))
    assert found.notes == ("colour profile for RGB ignored", "CMYK converted to RGB")


@pytest.mark.parametrize("samples", ["RGB", "grey"])
def test_strips_are_converted_as_the_whole_is(tmp_path: Path, samples: str) -> None:
    path, grey = tmp_path / "a.tif", samples == "grey"
    values = ramp()[..., 0] if grey else ramp()
    tifffile.imwrite(path, values, photometric="minisblack" if grey else "rgb", iccprofile=profile(1.0, grey=grey))
    whole = decode_image(path)
    assert CONVERTED in whole.notes
    with TiffRows(path) as rows:
        np.testing.assert_array_equal(rows[0:32], whole.pixels)
        assert rows.notes == whole.notes


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("grey", [False, True])
def test_of_dark_pictures_of_16_bits_a_note_says_what_they_may_be(tmp_path: Path, bits: int, grey: bool) -> None:
    values = (ramp()[..., 0] if grey else ramp()).astype(np.uint16) << (bits - 8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="minisblack" if grey else "rgb")
    notes = decode_image(path).notes
    assert notes[-1] == DARK
    with TiffRows(path) as rows:
        assert rows[0:32].any()
        assert rows.notes == notes
    tifffile.imwrite(path, values << (16 - bits), photometric="minisblack" if grey else "rgb")
    assert "dark" not in " ".join(decode_image(path).notes)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(("rows", "dark"), [(0.01, True), (2, True), (4, False)])
def test_a_hot_pixel_or_a_mark_makes_no_dark_picture_bright(
    tmp_path: Path, grey: bool, rows: float, dark: bool
) -> None:
    """Of 300 rows; those of a mark are read twice, as where windows overlap, and count once."""
    values = np.full((300, 100) if grey else (300, 100, 3), 2000, np.uint16)
    values[48 : 48 + int(max(rows, 1)), : int(100 * min(rows, 1))] = 60000
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="minisblack" if grey else "rgb")
    whole = decode_image(path)
    assert (DARK in whole.notes) is dark
    with TiffRows(path) as found:
        for start, stop in ((0, 64), (40, 300), (0, 64), (40, 300)):
            np.testing.assert_array_equal(found[start:stop], whole.pixels[start:stop])
        assert found.notes == whole.notes


@pytest.mark.parametrize("bits", [10, 12, 13, 14, 15, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_fewer_bits_in_16_are_told(tmp_path: Path, bits: int, channels: int) -> None:
    """Whole and by rows, by whatever note; a picture of 15 or 16 bits that is dark in places has none."""
    shape = (60, 40) if channels == 1 else (60, 40, 3)
    picture = np.random.default_rng(0).random(shape) * (2**bits - 1)
    picture[0] = 2**bits - 1
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture.astype(np.uint16), photometric="minisblack" if channels == 1 else "rgb")
    whole = decode_image(path)
    with TiffRows(path) as rows:
        for start in range(0, 60, 20):
            rows[slice(start, start + 20)]
        assert rows.notes == whole.notes
    assert any(note.endswith("comes out dark") for note in whole.notes) is (bits <= 14)
