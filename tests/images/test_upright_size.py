"""The size that decoding gives, without it where a header says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.labelled_runs import refused

from hypsegcli.images import upright_size as module
from hypsegcli.images.decode import decode_image
from hypsegcli.images.upright_size import upright_size


def picture(path: Path, turn: int = 1) -> Path:
    exif = Image.Exif()
    exif[274] = turn
    Image.fromarray(np.zeros((5, 9, 3), np.uint8)).save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_it_is_that_of_the_picture_decoded(tmp_path: Path, suffix: str, turn: int) -> None:
    path = picture(tmp_path / f"a.{suffix}", turn)
    assert upright_size(path) == decode_image(path).pixels.shape[:2] == ((5, 9) if turn < 5 else (9, 5))


def test_of_a_jpeg_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "open_upright", None)
    assert upright_size(picture(tmp_path / "a.jpg", 6)) == (9, 5)


def test_damaged_exif_data_turn_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("L", (9, 5)).save(path, exif=b"Exif\0\0this is no TIFF header")
    assert upright_size(path) == decode_image(path).pixels.shape[:2] == (5, 9)
    assert "damaged EXIF data ignored" in decode_image(path).notes


def test_another_picture_in_its_place_is_looked_at(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    assert upright_size(path) == (5, 9)
    Image.new("L", (3, 2)).save(path)
    assert upright_size(path) == (2, 3)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    assert "there is no such file" in refused(lambda: upright_size(tmp_path / "a.jpg"))
    (tmp_path / "b.jpg").write_bytes(b"no picture at all, but text")
    assert "b.jpg: this is not a picture" in refused(lambda: upright_size(tmp_path / "b.jpg"))
