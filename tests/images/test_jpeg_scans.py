"""JPEGs whose scans do not hold all of their picture, though each is whole and the end is there."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.jpeg_markers import SOS, scan_end, segments
from hypsegcli.images.jpeg_scans import check_scans


def scene(height: int = 97, width: int = 131) -> Image.Image:
    y, x = np.mgrid[:height, :width] / [[[height]], [[width]]]
    colours = np.stack([x, y, (x + y) / 2], axis=2) * 255
    return Image.fromarray((colours + np.random.default_rng(0).normal(0, 4, colours.shape)).clip(0, 255).astype("u1"))


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def segment(kind: int, body: bytes) -> bytes:
    return bytes([0xFF, kind]) + (len(body) + 2).to_bytes(2, "big") + body


def in_scans(image: Image.Image, which: Iterable[int], ids: bytes = b"\1\2\3") -> bytes:
    """A baseline JPEG whose components lie in scans of their own, of which there are these."""
    channels = [jpeg(channel, quality=95) for channel in image.convert("YCbCr").split()]
    shared = b"".join(segment(kind, body) for kind, _, body in segments(channels[0]) if kind in (0xE0, 0xDB, 0xC4))
    size = image.height.to_bytes(2, "big") + image.width.to_bytes(2, "big")
    frame = segment(0xC0, b"\x08" + size + b"\3" + b"".join(bytes([name, 0x11, 0]) for name in ids))
    parts = b""
    for index in which:
        start = next(stop for kind, stop, _ in segments(channels[index]) if kind == SOS)
        parts += segment(SOS, bytes([1, ids[index], 0, 0, 63, 0])) + channels[index][start:-2]
    return b"\xff\xd8" + shared + frame + parts + b"\xff\xd9"


def scan_stops(data: bytes) -> list[int]:
    """Where the codes of scans end."""
    return [scan_end(data, stop) for kind, stop, _ in segments(data) if kind == SOS]


def test_scans_of_all_components_in_any_order_are_a_whole_picture(tmp_path: Path) -> None:
    image = scene()
    for which in ((0, 1, 2), (2, 0, 1)):
        (tmp_path / "a.jpg").write_bytes(in_scans(image, which))
        apart = np.abs(decode_image(tmp_path / "a.jpg").pixels.astype(int) - np.asarray(image))
        assert apart.mean() < 3


@pytest.mark.parametrize("which", [(0,), (0, 1), (0, 2), (1, 2), (2,)])
def test_a_component_in_no_scan_is_missing(tmp_path: Path, which: tuple[int, ...]) -> None:
    (tmp_path / "a.jpg").write_bytes(in_scans(scene(), which))
    sentence = rf"a\.jpg: .*truncated \(scans of {3 - len(which)} of its 3 colour components are missing\)"
    with pytest.raises(ImageError, match=sentence) as caught:
        decode_image(tmp_path / "a.jpg")
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_progressive_picture_needs_all_of_its_scans(tmp_path: Path, mode: str) -> None:
    data = jpeg(scene().convert(mode), quality=90, progressive=True)
    check_scans("a.jpg", data)
    for stop in scan_stops(data)[:-1]:
        (tmp_path / "a.jpg").write_bytes(data[:stop] + b"\xff\xd9")
        with pytest.raises(ImageError, match="do not refine it to the end") as caught:
            decode_image(tmp_path / "a.jpg")
        assert caught.value.code == "truncated"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_what_encoders_write_is_whole(mode: str, progressive: bool) -> None:
    for size in ((1, 1), (8, 8), (97, 131)):
        for image in (scene(*size), Image.new("RGB", size[::-1], "teal")):
            for options in ({}, {"optimize": True}, {"restart_marker_rows": 1}):
                check_scans("a.jpg", jpeg(image.convert(mode), progressive=progressive, **options))
    check_scans("a.jpg", simplejpeg.encode_jpeg(np.asarray(scene())))


def test_components_of_one_number_are_taken_in_turn() -> None:
    data = jpeg(scene())
    ids = data.index(b"\1\x22\0\2\x11\1\3\x11\1")
    scan = data.index(b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11") + 5
    same = bytearray(data)
    same[ids : ids + 9 : 3] = same[scan : scan + 6 : 2] = b"\0\0\0"
    check_scans("a.jpg", bytes(same))


def empty_scans(side: int, number: int) -> bytes:
    """A grey progressive JPEG: its DC, and so many scans of a coefficient each that say nothing."""
    blocks = (side // 8) ** 2

    def packed(bits: str) -> bytes:
        bits += "1" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")

    size = side.to_bytes(2, "big")
    whole = [(k, 0, 0) for k in range(1, 64)] if number == 63 else []
    steps = whole or [(k, (low + 1) % 14, low) for low in range(13, -1, -1) for k in range(1, 64)][:number]
    runs = packed(("0" + "1" * 14) * -(-blocks // (2**15 - 1)))
    return (
        b"\xff\xd8"
        + segment(0xDB, b"\0" + b"\1" * 64)
        + segment(0xC2, b"\x08" + size + size + b"\1\1\x11\0")
        + segment(0xC4, b"\0" + bytes([1, 1] + [0] * 14) + b"\5\0")
        + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")
        + segment(SOS, b"\1\1\0\0\0\0")
        + packed("10" * blocks)
        + b"".join(segment(SOS, bytes([1, 1, 0, k, k, high << 4 | low])) + runs for k, high, low in steps)
        + b"\xff\xd9"
    )


def test_a_scan_a_coefficient_passes_and_hundreds_cost_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(empty_scans(64, 63))
    assert decode_image(tmp_path / "a.jpg").pixels.shape == (64, 64, 3)
    (tmp_path / "a.jpg").write_bytes(empty_scans(4096, 14 * 63))
    start = time.process_time()
    with pytest.raises(ImageError, match="this JPEG has 883 scans, and more than 100 are not read") as caught:
        decode_image(tmp_path / "a.jpg")
    assert caught.value.code == "unsupported"
    assert time.process_time() - start < 2, "before the decoder walks over all pixels for each"
