"""Commands whose network runs in one process say so where several devices are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, photograph


@pytest.mark.parametrize("device", ["cpu,cpu", "cuda:all"])
def test_an_evaluation_takes_one_device_and_shards(hypseg: Hypseg, tmp_path: Path, device: str) -> None:
    photograph(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "masks" / "a.png")
    given = (tmp_path / "images", tmp_path / "masks", "--out", tmp_path / "report", "--device", device)
    outcome = hypseg("evaluate", *given)
    assert outcome.code == 2
    assert f"--device {device}: predict and uncertainty alone take several devices; name one" in outcome.stderr
    assert "--shard I/N" in outcome.stderr
    assert not (tmp_path / "report").exists()
