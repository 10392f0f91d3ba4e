"""What is said when a run is over."""

from __future__ import annotations

from pathlib import Path

import pytest
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
