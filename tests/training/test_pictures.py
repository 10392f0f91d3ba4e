"""What validation writes to be looked at, and TensorBoard's files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import UsageError
from hypsegcli.training.pictures import TITLES, draw_sheet, write_sheet
from hypsegcli.training.tensorboard import Board

NAMES = ("background", "nucleus", "a name that is longer than a legend has room for")
PALETTE = np.array([(64, 64, 64), (240, 90, 90), (90, 90, 240)], np.uint8)


def row(height: int, width: int, grey: int) -> list[np.ndarray]:
    return [np.full((height, width, 3), grey + number, np.uint8) for number in range(len(TITLES))]


def test_a_sheet_has_a_column_a_picture_and_a_row_an_image(tmp_path: Path) -> None:
    write_sheet(tmp_path, 7, draw_sheet([row(50, 200, 10), row(30, 300, 90)], NAMES, PALETTE))
    (path,) = (tmp_path / "pictures").iterdir()
    assert path.name == "epoch-0007.png"
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert pixels.shape[1] == 4 * 300 + 3 * 4
    for number in range(4):  # the columns of both rows begin at the same place
        column = pixels[:, 304 * number : 304 * number + 300, 0]
        (found,) = np.nonzero((column[:, :200] == 10 + number).all(axis=1))
        assert len(found) == 50
        (below,) = np.nonzero((column == 90 + number).all(axis=1))
        assert len(below) == 30
        assert below[0] == found[-1] + 5
        assert (column[: found[0]] < 255).any()  # its title


def test_a_sheet_says_what_its_colours_mean() -> None:
    legend = draw_sheet([row(20, 400, 0)], NAMES, PALETTE)[-30:]
    for color in PALETTE:
        assert (legend == color).all(axis=2).sum() > 100


def test_a_legend_goes_on_below_where_names_are_many() -> None:
    sheets = [draw_sheet([row(20, 60, 0)], ["name"] * count, np.zeros((count, 3), np.uint8)) for count in (2, 40)]
    assert sheets[0].shape[1] == sheets[1].shape[1]
    assert sheets[0].shape[0] + 5 * 20 < sheets[1].shape[0]


def test_tensorboard_reads_what_is_written(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = Board(tmp_path / "board")
    sheet = draw_sheet([row(4, 6, 33)], NAMES, PALETTE)
    board.add(1, {"epoch": 1, "loss": 0.5, "mean_iou": ""}, None)
    board.add(2, {"epoch": 2, "loss": 0.25, "mean_iou": 0.75}, sheet)
    found = accumulator.EventAccumulator(str(tmp_path / "board")).Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 0.5), (2, 0.25)]
    assert [(event.step, event.value) for event in found.Scalars("mean_iou")] == [(2, 0.75)]
    assert set(found.Tags()["scalars"]) == {"loss", "mean_iou"}
    (image,) = found.Images("validation")
    assert (image.step, image.width, image.height) == (2, *sheet.shape[1::-1])


def test_without_tensorboard_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match=r"pip install 'hypseg\[tensorboard\]'"):
        Board(tmp_path)
    assert not list(tmp_path.iterdir())
