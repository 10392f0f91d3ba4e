"""JPEGs of which a decoder makes a picture: whole ones pass, what an interrupted copy leaves does not."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image
from hypsegcli.images.jpeg_check import check_jpeg

KINDS: dict[str, dict[str, Any]] = {
    "usual": {"quality": 92},
    "own tables": {"quality": 92, "optimize": True},
    "progressive": {"quality": 92, "progressive": True},
    "restarts": {"quality": 92, "restart_marker_rows": 1},
    "every block": {"quality": 30, "restart_marker_blocks": 1},
}


def scene(width: int = 320, height: int = 240) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 12, (height, width, 3))
    slope = np.linspace(60, 200, width)[None, :, None]
    return Image.fromarray(np.clip(noise + slope, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def hole(data: bytes, start: int, filling: bytes) -> bytes:
    return data[:start] + filling + data[start + len(filling) :]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "zero tail": lambda data: hole(data, len(data) // 2, bytes(len(data) - len(data) // 2)),
    "zero tail but for its end": lambda data: data[: len(data) // 2] + bytes(len(data) // 2) + data[-2:],
    "zero hole": lambda data: hole(data, len(data) // 3, bytes(len(data) // 6)),
    "zero sector": lambda data: hole(data, len(data) // 1024 * 512, bytes(512)),
    "cut and closed": lambda data: data[: len(data) // 2] + b"\xff\xd9",
    "plain cut": lambda data: data[: len(data) // 2],
    "no end": lambda data: data[:-2],
    "cut, and the next picture": lambda data: data[: len(data) // 2] + data,
    "hole of FF": lambda data: hole(data, len(data) // 2, b"\xff" * 600),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("kind", KINDS)
def test_what_an_interrupted_copy_leaves_is_refused(tmp_path: Path, kind: str, broken: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(BROKEN[broken](jpeg(scene(), **KINDS[kind])))
    with pytest.raises(ImageError, match=r"a\.jpg.*(truncated|damaged)") as caught:
        decode_image(path)
    assert caught.value.code in ("truncated", "damaged")


@pytest.mark.parametrize(
    "options",
    [
        {"optimize": True},
        {"restart_marker_rows": 1},
        {"restart_marker_blocks": 4},
        {"optimize": True, "restart_marker_rows": 1},
    ],
)
def test_zeros_from_anywhere_to_the_end_marker_are_a_cut(options: dict[str, Any]) -> None:
    data = jpeg(scene(160, 120), quality=30, **options)
    for start in range(700, len(data) - 60, (len(data) - 760) // 20):
        with pytest.raises(ImageError, match=r"truncated|damaged"):
            check_jpeg(Path("a.jpg"), data[:start] + bytes(len(data) - 2 - start) + data[-2:])


@pytest.mark.parametrize("kind", KINDS)
def test_what_cameras_write_around_the_picture_passes(kind: str) -> None:
    data = jpeg(scene(), exif=b"Exif\0\0" + bytes(4000), icc_profile=bytes(70_000), **KINDS[kind])
    for whole in (data, data + bytes(5000), data + random.Random(0).randbytes(5000), data + data):
        check_jpeg(Path("a.jpg"), whole)
    for filling in (b"\0", bytes(700), b"\xff" * 50):
        check_jpeg(Path("a.jpg"), data[:-2] + filling + data[-2:])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_any_size_and_flat_pictures_pass(mode: str) -> None:
    draw = random.Random(0)
    for _ in range(150):
        image = scene(draw.randrange(1, 300), draw.randrange(1, 200))
        if draw.random() < 0.5:  # flat ones are zeros from end to end where tables are their own
            image = Image.new("RGB", (image.width * 8, image.height * 8), draw.choice(["black", "white", "teal"]))
        data = jpeg(image.convert(mode), subsampling=draw.randrange(3), **draw.choice(list(KINDS.values())))
        check_jpeg(Path("a.jpg"), data)


def flat(factors: list[tuple[int, int]], *, adobe: int | None = None) -> bytes:
    """A grey picture of 96 x 96 pixels with any sampling factors, whose codes are one bit each."""
    number = len(factors)
    ids = [bytes([index + 1]) for index in range(number)]
    frame = b"".join(i + bytes([a << 4 | b, 0]) for i, (a, b) in zip(ids, factors, strict=True))
    widest, highest = (max(factor[axis] for factor in factors) for axis in (0, 1))
    units = -(-96 // (8 * widest)) * -(-96 // (8 * highest)) * sum(a * b for a, b in factors)
    bits = 2 * units
    data = int("0" * bits + "1" * (-bits % 8), 2).to_bytes(-(-bits // 8), "big")

    def segment(kind: int, body: bytes) -> bytes:
        return bytes([0xFF, kind]) + (len(body) + 2).to_bytes(2, "big") + body

    return (
        b"\xff\xd8"
        + (b"" if adobe is None else segment(0xEE, b"Adobe\0\x64" + bytes(4) + bytes([adobe])))
        + segment(0xDB, bytes([0] + [1] * 64))
        + segment(0xC0, bytes([8, 0, 96, 0, 96, number]) + frame)
        + b"".join(segment(0xC4, bytes([table, 1] + [0] * 16)) for table in (0, 0x10))
        + segment(0xDA, bytes([number]) + b"".join(i + b"\0" for i in ids) + b"\0\x3f\0")
        + data
        + b"\xff\xd9"
    )


@pytest.mark.parametrize(
    "factors", [[(2, 2), (1, 1), (1, 1)], [(4, 1), (1, 1), (1, 1)], [(3, 2), (1, 1), (1, 1)], [(1, 1), (2, 1), (1, 1)]]
)
def test_rare_samplings_and_unknown_transforms_pass(factors: list[tuple[int, int]]) -> None:
    for adobe in (None, 0, 1, 7):
        check_jpeg(Path("a.jpg"), flat(factors, adobe=adobe))
    with pytest.raises(ImageError, match="without an end"):
        check_jpeg(Path("a.jpg"), flat(factors)[:-2])


def test_garbage_never_raises_anything_else() -> None:
    draw, data = random.Random(0), jpeg(scene(64, 48))
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(draw.randrange(1, 6)):
            changed[draw.randrange(2, len(changed))] = draw.randrange(256)
        try:
            check_jpeg(Path("a.jpg"), bytes(changed))
        except ImageError as error:
            assert error.code in ("truncated", "damaged", "unsupported")  # noqa: PT017


@pytest.mark.parametrize("size", [(120, 160), (480, 640)])
def test_a_lossless_jpeg_is_refused_before_a_decoder_writes_beyond_its_memory(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(imagecodecs.ljpeg_encode(np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)))
    with pytest.raises(ImageError, match=r"not read \(lossless\)") as caught:
        decode_image(path)
    assert caught.value.code == "unsupported"


def test_twelve_bits_are_a_kind_of_jpeg_and_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(imagecodecs.jpeg8_encode(np.zeros((48, 64), np.uint16), bitspersample=12))
    with pytest.raises(ImageError, match=r"not read \(12 bits a sample\)") as caught:
        decode_image(path)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("before", [b"", b"\xff\xff\xff", b"\xff\x01", b"\xff\xd0\xff\xd7"])
@pytest.mark.parametrize("kind", [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])
def test_every_other_kind_is_seen_where_libjpeg_sees_it(kind: int, before: bytes) -> None:
    data = jpeg(scene(64, 48))
    start = data.index(b"\xff\xc0")
    other = data[:start] + before + bytes([0xFF, kind]) + data[start + 2 :]
    with pytest.raises(ImageError, match="JPEGs of this kind are not read") as caught:
        check_jpeg(Path("a.jpg"), other)
    assert caught.value.code == "unsupported"
    check_jpeg(Path("a.jpg"), data[:start] + before + data[start:])
