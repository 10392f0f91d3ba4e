"""What is said when a run is over."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, make_checkpoint

from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.hierarchy.tree import flat_tree


def checkpoint(path: Path, usual: float | None) -> Path:
    """Random weights, all of whose pixels are right with probability 0.3, and a calibration that says so."""
    loaded = load_checkpoint(make_checkpoint(path, flat_tree(["sky", "road", "car"])))
    curve = Calibration(distances=(0.0, 7.6), probabilities=(0.3, 0.3), fitted_on="nothing", usual=usual)
    header = loaded.header.model_copy(update={"calibration": curve})
    save_checkpoint(path, header, loaded.model.state_dict(), half=True)
    return path


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_images_of_another_world_are_told_on_one_line(
    hypseg: Hypseg, photos: Path, tmp_path: Path, command: str
) -> None:
    path = checkpoint(tmp_path / "sure.safetensors", usual=0.9)
    outcome = hypseg(command, photos, "--out", tmp_path / "out", "--checkpoint", path)
    (line,) = [line for line in outcome.stderr.splitlines() if "another world" in line]
    assert "3 of 3 images" in line
    assert "below 0.45" in line
    quiet = hypseg(command, photos, "--out", tmp_path / "quiet", "--checkpoint", path, "--quiet")
    assert "another world" not in quiet.stderr


@pytest.mark.parametrize("usual", [0.59, None])
def test_nothing_is_said_of_the_own_world(hypseg: Hypseg, photos: Path, tmp_path: Path, usual: float | None) -> None:
    path = checkpoint(tmp_path / "own.safetensors", usual=usual)
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--checkpoint", path)
    assert outcome.code == 0
    assert "another world" not in outcome.stderr


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_whoever_waits_at_a_terminal_is_told_that_it_loads(
    hypseg: Hypseg, photos: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes((photos / "b.png").read_bytes())
    Image.fromarray(np.arange(48 * 64, dtype=np.uint8).reshape(48, 64) // 128).save(tmp_path / "mask.png")
    inputs = [tmp_path / "a.png", *([tmp_path / "mask.png"] if command == "evaluate" else ["--overwrite"])]
    arguments = (command, *inputs, "--out", tmp_path / "out")
    assert "loading" not in hypseg(*arguments).stderr
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert hypseg(*arguments, *(["--overwrite"] if command == "evaluate" else [])).stderr.startswith("loading ...\n")
    assert hypseg(*arguments, "--overwrite", "--quiet").stderr == ""


@pytest.mark.parametrize("command", ["predict", "uncertainty", "evaluate"])
def test_what_reading_left_out_is_told_on_one_line_a_kind(hypseg: Hypseg, tmp_path: Path, command: str) -> None:
    """Two stacks of frames, and a picture of 16 bits."""
    grey = [Image.fromarray(np.full((32, 48), shade, np.uint8)) for shade in range(7)]
    (tmp_path / "in").mkdir()
    for name, frames in (("a", grey), ("b", grey[:3])):
        frames[0].save(tmp_path / f"in/{name}.tif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.full((32, 48), 9999, np.uint16)).save(tmp_path / "in/c.png")
    for name in "abc":
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.eye(32, 48, dtype=np.uint8)).save(tmp_path / f"masks/{name}.png")
    arguments = [command, tmp_path / "in", *([tmp_path / "masks"] if command == "evaluate" else [])]
    told = hypseg(*arguments, "--out", tmp_path / "out").stderr
    assert "2 images, such as: frame 1 of 7 used\n" in told
    assert "1 image: 16-bit values divided by 257\n" in told
    assert "used" not in hypseg(*arguments, "--out", tmp_path / "quiet", "--quiet").stderr
