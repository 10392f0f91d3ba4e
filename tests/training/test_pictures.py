"""What validation writes to be looked at, and TensorBoard's files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import UsageError
from hypsegcli.training.pictures import stack, write_pictures
from hypsegcli.training.tensorboard import Board


def strip(height: int, width: int, grey: int) -> np.ndarray:
    return np.full((height, width, 3), grey, np.uint8)


def test_strips_lie_below_each_other_on_white(tmp_path: Path) -> None:
    write_pictures(tmp_path, 7, [strip(5, 20, 10), strip(3, 30, 90)])
    (path,) = (tmp_path / "pictures").iterdir()
    assert path.name == "epoch-0007.png"
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (5 + 4 + 3, 30, 3)
    assert (pixels[:5, :20] == 10).all()
    assert (pixels[9:] == 90).all()
    assert (pixels[5:9] == 255).all()
    assert (pixels[:5, 20:] == 255).all()


def test_without_pictures_there_is_no_folder(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1, [])
    assert not list(tmp_path.iterdir())


def test_tensorboard_reads_what_is_written(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = Board(tmp_path / "board")
    picture = strip(4, 6, 33)
    board.add(1, {"epoch": 1, "loss": 0.5, "mean_iou": ""}, ())
    board.add(2, {"epoch": 2, "loss": 0.25, "mean_iou": 0.75}, [picture])
    found = accumulator.EventAccumulator(str(tmp_path / "board")).Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 0.5), (2, 0.25)]
    assert [(event.step, event.value) for event in found.Scalars("mean_iou")] == [(2, 0.75)]
    assert set(found.Tags()["scalars"]) == {"loss", "mean_iou"}
    (image,) = found.Images("validation")
    assert (image.step, image.width, image.height) == (2, *stack([picture]).shape[1::-1])


def test_without_tensorboard_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match=r"pip install 'hypseg\[tensorboard\]'"):
        Board(tmp_path)
    assert not list(tmp_path.iterdir())
