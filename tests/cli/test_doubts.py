"""What is said of scores that may not be of what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import make_checkpoint

from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.doubts import known_images
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.hierarchy.tree import flat_tree

MARKS = ("0123456789abcdef", "123456789abcdef0")


@pytest.fixture
def calibrated(tmp_path: Path) -> Header:
    """Of a network whose calibration was fitted on the first of the images."""
    curve = Calibration(distances=(0.0, 20.0), probabilities=(0.0, 1.0), fitted_on="a drive", images=MARKS[:1])
    header = read_header(make_checkpoint(tmp_path / "own.safetensors", flat_tree(("sky", "road"))))
    return header.model_copy(update={"calibration": curve})


def test_only_scores_of_a_calibration_are_too_good_where_it_was_fitted(calibrated: Header) -> None:
    found = known_images(calibrated, MARKS, measures={"calibrated": "", "distance": ""})
    assert len(found) == 1
    assert "1 of 2 images is one of those that the calibration was fitted on (a drive)" in found[0]
    assert known_images(calibrated, MARKS, measures={"distance": ""}) == []
    assert known_images(calibrated, MARKS[1:], measures={"calibrated": ""}) == []
    assert known_images(None, MARKS, measures={"calibrated": ""}) == []
