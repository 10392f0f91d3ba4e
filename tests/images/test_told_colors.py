"""Colours that are not sRGB by other words of the file than a profile are told, and sRGB's are not."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, features

from hypsegcli.images.decode import decode_image

PICTURE = Image.effect_noise((32, 24), 80).convert("RGB")
SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SAID = "colours taken for sRGB, though the file says "


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def told(path: Path) -> list[str]:
    return [note.removeprefix(SAID) for note in decode_image(path).notes if note.startswith(SAID)]


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        ([], []),
        ([(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", struct.pack(">8I", *SRGB))], []),
        ([(b"gAMA", struct.pack(">I", 100000))], ["gamma 1"]),
        ([(b"gAMA", struct.pack(">I", 55556))], ["gamma 0.556"]),
        ([(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100000))], []),
        ([(b"cHRM", struct.pack(">8I", *P3))], ["other primaries"]),
        ([(b"cICP", bytes([9, 16, 0, 1]))], ["BT.2020 and PQ"]),
        ([(b"cICP", bytes([9, 18, 0, 1])), (b"sRGB", b"\0")], ["BT.2020 and HLG"]),
        ([(b"cICP", bytes([12, 13, 0, 1]))], ["P3"]),
        ([(b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", struct.pack(">I", 100000))], []),
    ],
)
def test_png(tmp_path: Path, chunks: list[tuple[bytes, bytes]], said: list[str]) -> None:
    file = BytesIO()
    PICTURE.save(file, "PNG")
    data = file.getvalue()
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + b"".join(chunk(*one) for one in chunks) + data[33:])
    assert told(path) == said


@pytest.mark.parametrize(("index", "said"), [(b"R03\0", ["Adobe RGB"]), (b"R98\0", [])])
def test_exif(tmp_path: Path, index: bytes, said: list[str]) -> None:
    first = struct.pack("<HHHIII", 1, 0x8769, 4, 1, 26, 0)
    own = struct.pack("<HHHIHHHHIII", 2, 0xA001, 3, 1, 65535, 0, 0xA005, 4, 1, 56, 0)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + first + own + struct.pack("<HHHI4sI", 1, 1, 2, 4, index, 0)
    PICTURE.save(tmp_path / "a.jpg", exif=exif)
    assert told(tmp_path / "a.jpg") == said


@pytest.mark.parametrize(("codes", "said"), [((9, 16), ["BT.2020 and PQ"]), ((1, 13), []), ((2, 2), [])])
def test_avif(tmp_path: Path, codes: tuple[int, int], said: list[str]) -> None:
    if not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    file = BytesIO()
    PICTURE.save(file, "AVIF")
    data = bytearray(file.getvalue())
    at = data.find(b"colrnclx")
    assert at > 0
    struct.pack_into(">HH", data, at + 8, *codes)
    (tmp_path / "a.avif").write_bytes(data)
    assert told(tmp_path / "a.avif") == said
