"""AVIF and HEIC: read as the others are; without their reader, what brings it is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from support import grow

from hypsegcli.errors import ImageError
from hypsegcli.images import formats
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.images.discover import find_inputs
from hypsegcli.images.formats import FORMATS
from hypsegcli.images.walk import Skipped

SCENE = np.add.outer(np.arange(96), np.arange(128))[..., None] * np.array([1, 0.5, 0.8]) + (0, 60, 20)


@pytest.fixture(params=["AVIF", "HEIF"])
def photograph(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    form: str = request.param
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    elif not features.check("avif"):
        pytest.skip("Pillow is built without AVIF")
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"a{FORMATS[form][0]}"
    noise = np.random.default_rng(0).normal(0, 3, SCENE.shape)
    Image.fromarray(np.clip(SCENE + noise, 0, 255).astype(np.uint8)).save(path, form, quality=95, exif=exif.tobytes())
    return path


def test_they_are_read_upright_and_folders_take_them(photograph: Path) -> None:
    found = decode_image(photograph)
    assert found.pixels.shape == (128, 96, 3)
    assert np.abs(found.pixels - np.rot90(SCENE, -1)).mean() < 5
    assert [item.path for item in find_inputs([str(photograph.parent)]).images] == [photograph]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_cut_ones_and_those_that_end_in_zeros_are_refused(photograph: Path, share: float) -> None:
    data = photograph.read_bytes()
    rest = data[: int(len(data) * share)]
    for broken in (rest, rest + bytes(len(data) - len(rest) + 512)):
        photograph.write_bytes(broken)
        with pytest.raises(ImageError, match=r"truncated|damaged"):
            decode_image(photograph)


def test_they_hold_no_ids(photograph: Path) -> None:
    with pytest.raises(ImageError, match="need not keep exact values"):
        decode_mask(photograph)


def test_folders_without_the_reader_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "a.png")
    told = str(Skipped(others=[tmp_path / "b.heic", tmp_path / "c.HEIC", tmp_path / "d.txt"]))
    assert "2 .heic, HEIC is read with pip install 'hypseg[heic]'" in told
    assert "1 .txt" in told
    (tmp_path / "b.bin").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    monkeypatch.delitem(formats.FORMATS, "HEIF", raising=False)
    with pytest.raises(ImageError, match=r"known format.*hypseg\[heic\]") as caught:
        decode_image(tmp_path / "b.bin")
    assert caught.value.code == "unknown_format"
