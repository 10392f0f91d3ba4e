"""Label maps of hypseg's in the place of masks are doubted where there is nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.png import encode_indexed_png
from hypsegcli.truth.own_answers import answers_as_masks

IDS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def written(path: Path, kind: str) -> Path:
    path.write_bytes(encode_indexed_png(IDS, np.zeros((12, 3), np.uint8), MapMetadata(kind=kind).png_text()))
    return path


@pytest.mark.parametrize("kind", ["labels", "prototypes"])
def test_masks_that_are_all_label_maps_are_doubted(tmp_path: Path, kind: str) -> None:
    maps = [written(tmp_path / f"{key}.png", kind) for key in "ab"]
    assert (answers_as_masks(maps) or "").startswith("all 2 masks say that hypseg wrote them as label maps: unless")
    assert str(maps[0]) in (answers_as_masks(maps[:1]) or "")


def test_others_are_not(tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.png"
    Image.fromarray(IDS).save(drawn)
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    own = written(tmp_path / "own.png", "labels")
    for masks in ([], [drawn], [own, drawn], [drawn, own], [tmp_path / "a.mat"]):
        assert answers_as_masks(masks) is None
