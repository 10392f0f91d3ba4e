"""Laws of decoding: the same pixels whatever the container, or one ImageError."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image, decode_mask, decode_pillow
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.open_image import open_upright
from hypsegcli.images.png import encode_indexed_png
from hypsegcli.images.tiff_write import encode_tiff

PALETTE = np.arange(36, dtype=np.uint8).reshape(12, 3)

EXIF_INVERSE: dict[
    int, Callable[[NDArray[Any]], NDArray[Any]]
] = {  # what a camera does to the upright scene before it stores the pixels
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def picture(height: int = 11, width: int = 17) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 14 % 256, y * 21 % 256, (x * y + 40) % 256], axis=-1).astype(np.uint8)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def put(folder: Path, data: bytes, name: str = "picture.bin") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def raw_png(width: int, height: int, bits: int, colour: int, rows: bytes, **chunks: bytes) -> bytes:
    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    middle = b"".join(chunk(tag.encode(), body) for tag, body in chunks.items())
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + middle + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def raw_tiff(width: int, height: int, bits: int, photometric: int, data: bytes, sample_format: int = 1) -> bytes:
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 200),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(data)),
        (339, 3, sample_format),
    ]
    body = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(entries))
    body += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return (body + struct.pack("<I", 0)).ljust(200, b"\0") + data


# --- orientation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("form", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 98, "subsampling": 0}, 9),
    ],
)
def test_orientation_is_applied_exactly_once(
    tmp_path: Path, form: str, options: dict[str, Any], tolerance: int, orientation: int
) -> None:
    scene = picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(EXIF_INVERSE[orientation](scene)))
    decoded = decode_image(put(tmp_path, encoded(stored, form, exif=exif, **options)))
    assert decoded.pixels.shape == scene.shape
    assert np.abs(decoded.pixels.astype(int) - scene).max() <= tolerance
    expected = () if orientation == 1 else (f"turned upright (EXIF orientation {orientation})",)
    assert decoded.notes == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_mask_and_picture_turn_alike(tmp_path: Path, form: str, orientation: int) -> None:
    ids = np.arange(11 * 17, dtype=np.uint8).reshape(11, 17)
    mask = Image.fromarray(np.ascontiguousarray(EXIF_INVERSE[orientation](ids)))
    mask.putpalette(list(range(255, -1, -1)) * 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode_mask(put(tmp_path, encoded(mask, form, exif=exif))), ids)


def test_damaged_exif_costs_a_note_and_not_the_picture(tmp_path: Path) -> None:
    data = raw_png(2, 1, 8, 0, b"\0\x05\x06", eXIf=b"this is no TIFF header")
    decoded = decode_image(put(tmp_path, data))
    assert decoded.pixels[0, :, 0].tolist() == [5, 6]
    assert decoded.notes == ("damaged EXIF data ignored",)


def test_orientation_behind_the_pixels_counts(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    data = raw_png(2, 1, 8, 0, b"\0\x05\x06")
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    decoded = decode_image(put(tmp_path, data[:-12] + chunk + data[-12:]))
    assert decoded.pixels[0, :, 0].tolist() == [6, 5]


# --- modes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("TIFF", {}), ("BMP", {}), ("PPM", {}), ("WEBP", {"lossless": True}), ("JPEG2000", {})],
)
def test_plain_rgb_is_exact_writable_and_without_notes(tmp_path: Path, form: str, options: dict[str, Any]) -> None:
    decoded = decode_image(put(tmp_path, encoded(Image.fromarray(picture()), form, **options)))
    assert np.array_equal(decoded.pixels, picture())
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.flags.writeable
    assert decoded.pixels.flags.c_contiguous
    assert decoded.notes == ()


def test_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    path = put(tmp_path, encoded(Image.fromarray(picture()), "PNG"), "lie.jpg")
    assert np.array_equal(decode_image(path).pixels, picture())


@pytest.mark.parametrize("kind", ["labels", "confidence", "boundary", "uncertainty"])
def test_maps_of_hypseg_s_are_no_photographs(tmp_path: Path, kind: str) -> None:
    """They would be segmented, and scored, as grey pictures or by the colours of their palette."""
    said, ids = MapMetadata(kind=kind), np.arange(12, dtype=np.uint8).reshape(3, 4)
    png = put(tmp_path, encode_indexed_png(ids, PALETTE, said.png_text()), "a.png")
    tiff = put(tmp_path, encode_tiff(ids, np.uint8, description=said.tiff_description(), palette=PALETTE), "a.tif")
    for path in (png, tiff):
        with pytest.raises(ImageError, match=f"{path}: this is a map that hypseg wrote .{kind}.") as caught:
            decode_image(path)
        assert caught.value.code == "unsupported"
        with Image.open(path) as image, pytest.raises(ImageError, match="from memory: this is a map that hypseg wrote"):
            decode_pillow(image, "from memory")
        np.testing.assert_array_equal(decode_mask(path), ids)


def test_what_other_programs_say_of_their_pictures_keeps_nobody_out(tmp_path: Path) -> None:
    text = PngInfo()
    text.add_text("hypseg", '{"kind": "photograph"}')
    assert decode_image(put(tmp_path, encoded(Image.fromarray(picture()), "PNG", pnginfo=text))).notes == ()
    described = encoded(Image.fromarray(picture()), "TIFF", description='{"kind": "field", "names": ["a"]}')
    assert decode_image(put(tmp_path, described)).notes == ()


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_becomes_three_equal_channels(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(picture()[..., 0]).convert(mode)
    decoded = decode_image(put(tmp_path, encoded(grey, "PNG")))
    expected = np.asarray(grey.convert("L"))
    assert all(np.array_equal(decoded.pixels[..., c], expected) for c in range(3))
    assert decoded.notes == ()


def test_palette_becomes_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for form in ("PNG", "TIFF", "BMP", "GIF"):
        decoded = decode_image(put(tmp_path, encoded(image, form)))
        assert decoded.pixels.tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]], form


@pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"])
def test_transparent_palette_entry_is_white(tmp_path: Path, transparency: int | bytes) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    decoded = decode_image(put(tmp_path, encoded(image, "PNG", transparency=transparency)))
    assert decoded.pixels.tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]
    assert decoded.notes == ("transparent pixels shown on white",)


@pytest.mark.parametrize(("mode", "form"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "TIFF"), ("RGBA", "WEBP")])
def test_alpha_is_shown_on_white_and_noted_only_where_it_shows(tmp_path: Path, mode: str, form: str) -> None:
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    image = Image.fromarray(picture()).convert(mode)
    opaque = decode_image(put(tmp_path, encoded(image, form, **options)))
    assert np.array_equal(opaque.pixels, np.asarray(image.convert("RGB")))
    assert opaque.notes == ()
    alpha = np.full(image.size[::-1], 255, np.uint8)
    alpha[0, 0], alpha[0, 1] = 0, 100
    image.putalpha(Image.fromarray(alpha))
    decoded = decode_image(put(tmp_path, encoded(image, form, **options)))
    colours = np.asarray(image.convert("RGB")).astype(float)
    weight = alpha[..., np.newaxis] / 255
    assert np.abs(decoded.pixels - (colours * weight + 255 * (1 - weight))).max() <= 1
    assert decoded.pixels[0, 0].tolist() == [255, 255, 255]
    assert decoded.notes == ("transparent pixels shown on white",)


@pytest.mark.parametrize(("mode", "form"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "TIFF")])
def test_alpha_that_is_zero_everywhere_is_none(tmp_path: Path, mode: str, form: str) -> None:
    image = Image.fromarray(picture()).convert(mode)
    image.putalpha(0)
    decoded = decode_image(put(tmp_path, encoded(image, form)))
    assert np.array_equal(decoded.pixels, np.asarray(image.convert("RGB")))
    assert decoded.notes == ("alpha that is 0 everywhere ignored",)


@pytest.mark.parametrize(("extra", "mode"), [(1, "RGBA"), (2, "PA")], ids=["premultiplied alpha", "palette with alpha"])
def test_rare_alpha_in_tiff(tmp_path: Path, extra: int, mode: str) -> None:
    if mode == "PA":
        image = Image.new("PA", (2, 1))
        image.putpalette([9, 9, 9, 200, 100, 50])
        image.putdata([(1, 255), (1, 0)])
        data, expected = encoded(image, "TIFF"), [[[200, 100, 50], [255, 255, 255]]]
    else:
        image = Image.fromarray(np.array([[[200, 100, 50, 255], [0, 0, 0, 0]]], np.uint8), "RGBA")
        data, expected = encoded(image, "TIFF", tiffinfo={338: extra}), [[[200, 100, 50], [255, 255, 255]]]
    decoded = decode_image(put(tmp_path, data))
    assert decoded.pixels.tolist() == expected
    assert decoded.notes == ("transparent pixels shown on white",)


def test_colour_key_of_packed_grey_hits_its_sample(tmp_path: Path) -> None:
    decoded = decode_image(put(tmp_path, raw_png(2, 1, 4, 0, b"\0\x12", tRNS=b"\0\x01")))
    assert decoded.pixels[0, :, 0].tolist() == [255, 34]
    assert decoded.notes == ("transparent pixels shown on white",)


@pytest.mark.parametrize(("mode", "form"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "TIFF"), ("LAB", "TIFF")])
def test_other_colour_spaces_are_converted_and_noted(tmp_path: Path, mode: str, form: str) -> None:
    flat = Image.new("RGB", (16, 16), (200, 120, 40))
    options = {"quality": 98} if form == "JPEG" else {}
    decoded = decode_image(put(tmp_path, encoded(flat.convert(mode), form, **options)))
    assert np.abs(decoded.pixels.astype(int) - (200, 120, 40)).max() <= 3
    assert decoded.notes == (f"{mode} converted to RGB",)


# --- more than 8 bits ------------------------------------------------------------------------------------


def byte_orders(values: NDArray[np.uint16]) -> dict[str, bytes]:
    height, width = values.shape
    return {
        "png": encoded(Image.fromarray(values), "PNG"),
        "tiff": encoded(Image.fromarray(values), "TIFF"),
        "tiff deflate": encoded(Image.fromarray(values), "TIFF", compression="tiff_adobe_deflate"),
        "tiff big-endian": encoded(Image.frombytes("I;16B", (width, height), values.astype(">u2")), "TIFF"),
        "pgm": b"P5 %d %d 65535\n" % (width, height) + values.astype(">u2").tobytes(),
        "jpeg 2000": encoded(Image.fromarray(values), "JPEG2000"),
    }


@pytest.mark.parametrize("container", ["png", "tiff", "tiff deflate", "tiff big-endian", "pgm", "jpeg 2000"])
def test_sixteen_bits_are_divided_by_257_and_rounded(tmp_path: Path, container: str) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    decoded = decode_image(put(tmp_path, byte_orders(values)[container]))
    assert np.array_equal(decoded.pixels[..., 1], np.rint(values / 257))
    assert decoded.notes == ("16-bit values divided by 257",)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_spans_the_whole_range(tmp_path: Path, suffix: str, channels: int) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    rgb = np.stack([ramp, ramp[::-1], ramp.T], axis=-1)
    stored = np.ascontiguousarray(rgb[..., ::-1])
    if channels == 4:
        stored = np.dstack([stored, np.full((64, 64), 65535, np.uint16)])
    decoded = decode_image(put(tmp_path, cv2.imencode(suffix, stored)[1].tobytes()))
    assert np.abs(decoded.pixels - rgb / 257).max() < 1
    assert decoded.notes == ("16-bit values reduced to 8 bits",)


def test_sixteen_bit_ppm_is_scaled(tmp_path: Path) -> None:
    data = b"P6 2 1 65535\n" + struct.pack(">6H", 0, 30000, 65535, 65535, 257, 514)
    decoded = decode_image(put(tmp_path, data))
    assert decoded.pixels.tolist() == [[[0, 117, 255], [255, 1, 2]]]
    assert decoded.notes == ("16-bit values reduced to 8 bits",)


def test_twelve_bits_fill_the_range(tmp_path: Path) -> None:
    packed = int("".join(f"{value:012b}" for value in (0, 2048, 4095, 16)), 2).to_bytes(6, "big")
    decoded = decode_image(put(tmp_path, raw_tiff(4, 1, 12, 1, packed)))
    assert decoded.pixels[0, :, 0].tolist() == [0, 128, 255, 1]
    assert decoded.notes == ("12-bit values scaled to 8 bits",)


@pytest.mark.parametrize("bits", [8, 16])
def test_white_is_zero_is_inverted_at_any_depth(tmp_path: Path, bits: int) -> None:
    samples = np.array([0, 2 ** (bits - 1), 2**bits - 1], "<u2" if bits == 16 else "u1")
    decoded = decode_image(put(tmp_path, raw_tiff(3, 1, bits, 0, samples.tobytes())))
    assert decoded.pixels[0, :, 0].tolist() == [255, 127, 0]


def test_ink_of_a_bilevel_scan_is_black(tmp_path: Path) -> None:
    assert decode_image(put(tmp_path, raw_tiff(4, 1, 1, 0, b"\x50"))).pixels[0, :, 0].tolist() == [255, 0, 255, 0]


def test_transparent_value_of_sixteen_bits(tmp_path: Path) -> None:
    grey = raw_png(2, 1, 16, 0, b"\0" + struct.pack(">2H", 300, 301), tRNS=struct.pack(">H", 300))
    decoded = decode_image(put(tmp_path, grey))
    assert decoded.pixels[0, :, 0].tolist() == [255, 1]
    assert "transparent pixels shown on white" in decoded.notes
    colour = raw_png(1, 1, 16, 2, b"\0" + struct.pack(">3H", 300, 600, 900), tRNS=struct.pack(">3H", 1, 2, 3))
    decoded = decode_image(put(tmp_path, colour))
    assert decoded.pixels.tolist() == [[[1, 2, 3]]]
    assert decoded.notes[1] == "transparent colour of a 16-bit picture ignored"


def test_32_bits_are_taken_for_16_where_they_fit_and_refused_otherwise(tmp_path: Path) -> None:
    fits = np.array([[0, 257, 65535]], "<i4")
    decoded = decode_image(put(tmp_path, raw_tiff(3, 1, 32, 1, fits.tobytes(), 2)))
    assert decoded.pixels[0, :, 0].tolist() == [0, 1, 255]
    for value in (-1, 65536):
        path = put(tmp_path, raw_tiff(1, 1, 32, 1, struct.pack("<i", value), 2))
        with pytest.raises(ImageError, match=f"32-bit values from {value} to {value}"):
            decode_image(path)


def test_floating_point_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, raw_tiff(1, 1, 32, 1, struct.pack("<f", 0.5), 3))
    for decode in (decode_image, decode_mask):
        with pytest.raises(ImageError, match="floating-point"):
            decode(path)


def test_deep_colour_jpeg_2000_is_refused_since_pillow_wraps_white_to_black(tmp_path: Path) -> None:
    white = np.full((64, 64, 3), 65535, np.uint16)
    path = put(tmp_path, cv2.imencode(".jp2", white)[1].tobytes())
    with pytest.raises(ImageError, match="16 bits a sample"):
        decode_image(path)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_2000_without_some_of_its_tiles_is_truncated(tmp_path: Path, mode: str) -> None:
    data = bytearray(encoded(Image.new(mode, (640, 600)), "JPEG2000", tile_size=(64, 64)))
    assert decode_image(put(tmp_path, bytes(data))).pixels.shape == (600, 640, 3)
    for claimed in (data.index(b"\xff\x4f\xff\x51") + 8, data.index(b"ihdr") + 4):
        struct.pack_into(">2I", data, claimed, 12_000, 12_000)
    with pytest.raises(ImageError, match="100 of the 35,344 tiles") as caught:
        decode_image(put(tmp_path, bytes(data)))
    assert caught.value.code == "truncated"


# --- frames ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG", "MPO"])
def test_first_frame_is_used_and_noted(tmp_path: Path, form: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = decode_image(put(tmp_path, encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)))
    assert np.abs(decoded.pixels.astype(int) - (255, 0, 0)).max() <= 2
    assert decoded.notes == ("frame 1 of 3 used",)


# --- odd files -------------------------------------------------------------------------------------------


def small_files() -> dict[str, bytes]:
    image = Image.fromarray(picture(24, 33))
    palette = image.quantize(16)
    files = {
        "jpeg": encoded(image, "JPEG"),
        "jpeg progressive": encoded(image, "JPEG", progressive=True),
        "jpeg restart": encoded(image, "JPEG", restart_marker_blocks=2),
        "jpeg grey": encoded(image.convert("L"), "JPEG"),
        "png": encoded(image, "PNG"),
        "png palette": encoded(palette, "PNG"),
        "tiff": encoded(image, "TIFF"),
        "webp": encoded(image, "WEBP"),
        "webp lossless": encoded(image, "WEBP", lossless=True),
        "bmp": encoded(palette, "BMP"),
        "ppm": encoded(image, "PPM"),
        "gif": encoded(palette, "GIF"),
        "jpeg 2000": encoded(image, "JPEG2000"),
        "jpeg 2000 tiles": encoded(image, "JPEG2000", tile_size=(16, 16), num_resolutions=2, no_jp2=True),
    }
    for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        files[f"tiff {name}"] = encoded(image, "TIFF", compression=name)
    return files


FILES = small_files()


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_refused_or_lost_nothing(tmp_path: Path, name: str) -> None:
    data = FILES[name]
    whole = decode_image(put(tmp_path, data)).pixels
    refused = 0
    cuts = {*range(0, len(data), max(1, len(data) // 60)), *range(max(0, len(data) - 30), len(data))}
    if name.startswith("jpeg 2000"):  # the cut that Pillow overlooks lies just before a tile
        cuts |= {at for at in range(len(data)) if data[at : at + 2] == b"\xff\x90"}
    for length in cuts:
        try:
            pixels = decode_image(put(tmp_path, data[:length])).pixels
        except ImageError:
            refused += 1
        else:
            assert np.array_equal(pixels, whole), f"cut at {length} of {len(data)}"
    assert refused > 0


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("jpeg") and "2000" not in name])
def test_a_cut_jpeg_is_always_refused(tmp_path: Path, name: str) -> None:
    scan = FILES[name].index(b"\xff\xda")  # before it is only the header, where every ninth cut will do
    for length in (*range(0, scan, 9), *range(scan, len(FILES[name]))):
        with pytest.raises(ImageError, match=r"picture\.bin"):
            decode_image(put(tmp_path, FILES[name][:length]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_hostile_bytes_raise_image_error_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    source = bytearray(FILES[data.draw(st.sampled_from(sorted(FILES)))])
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(source) - 1) | st.integers(0, 60))
        source[position] = data.draw(st.integers(0, 255))
    path = put(tmp_path, bytes(source))
    for decode in (lambda: decode_image(path, max_pixels=100_000), lambda: decode_mask(path)):
        with contextlib.suppress(ImageError):
            decode()


@pytest.mark.parametrize(
    "raised",
    [
        SyntaxError,
        struct.error,
        ValueError,
        OSError,
        zlib.error,
        EOFError,
        MemoryError,
        KeyError,
        UserWarning,
    ],
)
@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_whatever_pillow_raises_becomes_image_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[Exception], decode: Callable[[Path], object]
) -> None:
    def fail(*_: object) -> None:
        raise raised("out of spite")

    path = put(tmp_path, FILES["png palette"])
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(ImageError, match=r"picture\.bin"):
        decode(path)


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_a_picture_without_pixels_is_refused_even_where_pillow_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setitem(Image.OPEN, "PNG", (lambda *_: Image.new("RGB", size), lambda _: True))
    with pytest.raises(ImageError, match="nothing in it"):
        decode_image(put(tmp_path, b"x"))


def test_lack_of_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(ImageError, match="not enough memory"):
        decode_image(put(tmp_path, FILES["png"]))


def test_opening_decodes_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="truncated"):
        open_upright(put(tmp_path, FILES["bmp"][:-20]))


@pytest.mark.parametrize("decode", [decode_image, decode_mask])
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"hello, I am text", "not a picture"),
        (b"%PDF-1.7\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "header of the picture is damaged"),
        (raw_png(0, 5, 8, 0, b""), "damaged|nothing in it"),
        (raw_png(5, 0, 8, 0, b""), "damaged|nothing in it"),
        (b"P5 0 3 255\n", "damaged|nothing in it"),
    ],
)
def test_files_without_a_picture(tmp_path: Path, decode: Callable[[Path], object], data: bytes, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence) as caught:
        decode(put(tmp_path, data))
    assert "picture.bin" in str(caught.value)


@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_missing_folder_and_impossible_names(tmp_path: Path, decode: Callable[[Path], object]) -> None:
    with pytest.raises(ImageError, match="no such file"):
        decode(tmp_path / "absent.png")
    with pytest.raises(ImageError, match="folder, not a picture"):
        decode(tmp_path)
    with pytest.raises(ImageError, match="cannot be read"):
        decode(tmp_path / ("x" * 300))
    with pytest.raises(ImageError, match="cannot be read"):
        decode(tmp_path / "nul\0name")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = put(tmp_path, FILES["png"])
    path.chmod(0)
    with pytest.raises(ImageError, match="cannot be read"):
        decode_image(path)


def test_bombs_are_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("pixels were decoded"))
    path = put(tmp_path, raw_png(20_000, 20_000, 8, 0, b""))
    with pytest.raises(ImageError, match="400,000,000 pixels; at most 178,956,970"):
        decode_image(path)
    path = put(tmp_path, FILES["png"])
    with pytest.raises(ImageError, match="at most 791"):
        decode_image(path, max_pixels=24 * 33 - 1)


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    assert decode_image(put(tmp_path, FILES["png"]), max_pixels=24 * 33).pixels.shape == (24, 33, 3)


def test_a_large_picture_gives_no_warning_and_leaves_pillow_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # 792 pixels are now above twice the limit
    assert decode_image(put(tmp_path, FILES["png"])).pixels.shape == (24, 33, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_threads_agree(tmp_path: Path) -> None:
    path = put(tmp_path, FILES["png"])
    results: list[NDArray[np.uint8]] = []
    threads = [threading.Thread(target=lambda: results.append(decode_image(path).pixels)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(np.array_equal(result, picture(24, 33)) for result in results)


# --- masks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "GIF"])
def test_palette_index_is_the_id_whatever_the_colour(tmp_path: Path, form: str) -> None:
    ids = np.arange(20, dtype=np.uint8).reshape(4, 5)
    mask = Image.fromarray(ids)
    mask.putpalette([7, 7, 7] * 19 + [1, 2, 3])  # nineteen classes of one colour
    decoded = decode_mask(put(tmp_path, encoded(mask, form)))
    assert np.array_equal(decoded, ids)
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM"])
def test_grey_value_is_the_id(tmp_path: Path, form: str) -> None:
    ids = np.arange(256, dtype=np.uint8).reshape(16, 16)
    decoded = decode_mask(put(tmp_path, encoded(Image.fromarray(ids), form)))
    assert np.array_equal(decoded, ids)
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize(
    ("bits", "row", "ids"),
    [(4, b"\0\x01\x2f", [0, 1, 2, 15]), (2, b"\0\x1b", [0, 1, 2, 3]), (1, b"\0\x50", [0, 1, 0, 1])],
)
def test_packed_grey_gives_the_stored_sample(tmp_path: Path, bits: int, row: bytes, ids: list[int]) -> None:
    decoded = decode_mask(put(tmp_path, raw_png(4, 1, bits, 0, row)))
    assert decoded.tolist() == [ids]
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize("maxval", [1, 18, 19, 254, 255, 256, 1000, 65534, 65535])
def test_pgm_gives_the_stored_sample(tmp_path: Path, maxval: int) -> None:
    ids = np.unique(np.linspace(0, maxval, 300).astype(int))
    binary = ids.astype("u1" if maxval < 256 else ">u2").tobytes()
    for magic, body in ((b"P5", binary), (b"P2", " ".join(map(str, ids)).encode())):
        path = put(tmp_path, b"%s %d 1 %d\n" % (magic, len(ids), maxval) + body)
        assert decode_mask(path).tolist() == [ids.tolist()]


def test_sixteen_and_32_bit_ids(tmp_path: Path) -> None:
    ids = np.array([[0, 300, 65535]], np.uint16)
    for data in (encoded(Image.fromarray(ids), "PNG"), encoded(Image.fromarray(ids), "TIFF")):
        decoded = decode_mask(put(tmp_path, data))
        assert np.array_equal(decoded, ids)
        assert decoded.dtype == np.uint16
    deep = decode_mask(put(tmp_path, raw_tiff(2, 1, 32, 1, struct.pack("<2i", -1, 70000), 2)))
    assert deep.tolist() == [[-1, 70000]]
    assert deep.dtype == np.int32


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (encoded(Image.fromarray(picture()), "PNG"), "colour picture .mode RGB. and not an index mask"),
        (encoded(Image.fromarray(picture()).convert("LA"), "PNG"), "mode LA"),
        (FILES["jpeg grey"], "JPEG does not keep exact values"),
        (FILES["jpeg 2000"], "JPEG2000 need not keep"),
        (raw_tiff(1, 1, 1, 0, b"\x80"), "zero means white in this TIFF, .* save the ids 0 and 1 as a PNG of 8 bits"),
        (raw_tiff(1, 1, 8, 0, b"\5"), "zero means white"),
        (raw_tiff(1, 1, 16, 0, b"\5\0"), "zero means white"),
        (
            encoded(Image.new("L", (4, 4)), "TIFF", save_all=True, append_images=[Image.new("L", (4, 4))]),
            "2 frames",
        ),
    ],
)
def test_masks_open_to_two_readings_are_refused(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence):
        decode_mask(put(tmp_path, data))


def test_an_array_of_bool_that_tifffile_saved_is_no_mask(tmp_path: Path) -> None:
    """Pillow reads what was True as black; what is said to be black where it is zero is as it was."""
    inside = np.eye(9, dtype=bool)
    tifffile.imwrite(tmp_path / "a.tif", inside)
    with pytest.raises(ImageError, match="zero means white"):
        decode_mask(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", inside, photometric="minisblack")
    np.testing.assert_array_equal(decode_mask(tmp_path / "b.tif"), inside)
