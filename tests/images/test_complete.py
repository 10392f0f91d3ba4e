"""Pictures that contradict their own headers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image

GREY = np.random.default_rng(0).integers(0, 201, (12, 16), dtype=np.uint8)


@pytest.mark.parametrize("largest", [100, 199, 200, 250])
@pytest.mark.parametrize("deep", [1, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_values_above_the_largest_are_damage(tmp_path: Path, channels: int, deep: int, largest: int) -> None:
    values = np.repeat(GREY[..., None].astype(int) * deep, channels, axis=2)
    values[0, 0] = 200 * deep
    head = f"P{5 if channels == 1 else 6} 16 12 {largest * deep}\n".encode()
    path = tmp_path / "a.ppm"
    path.write_bytes(head + values.astype(np.uint8 if largest * deep < 256 else ">u2").tobytes())
    if largest < 200:
        with pytest.raises(ImageError, match=f"a value of {200 * deep}") as caught:
            decode_image(path)
        assert caught.value.code == "damaged"
    else:
        wanted = values / (largest * deep) * 255
        assert np.abs(decode_image(path).pixels - wanted).max() <= 1


def test_sixteen_bits_a_pixel_are_no_sixteen_bits_a_colour(tmp_path: Path) -> None:
    body = np.random.default_rng(0).integers(0, 2**16, (12, 16), dtype=np.uint16).tobytes()
    head = struct.pack("<IiiHHIIiiII", 40, 16, 12, 1, 16, 3, len(body), 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    start = struct.pack("<IHHI", 66 + len(body), 0, 0, 66)
    (tmp_path / "a.bmp").write_bytes(b"BM" + start + head + masks + body)
    assert decode_image(tmp_path / "a.bmp").notes == ()
