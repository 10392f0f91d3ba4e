"""What is said of scores that may not be of what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import make_checkpoint

from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.doubts import count_known, kinds_of_known, void_alone
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
    both = {"calibrated": "", "distance": ""}
    (told, images), *others = [each for each in kinds_of_known(calibrated, both).items() if each[1]]
    assert others == []
    assert told.startswith("the calibration was fitted on (a drive)")
    assert count_known(images, MARKS) == 1
    assert count_known(images, MARKS[1:]) == 0
    assert told not in kinds_of_known(calibrated, {"distance": ""})
    assert kinds_of_known(None, both) == {}


def test_masks_of_void_alone_are_told() -> None:
    assert void_alone(0, 24) == []
    (said,) = void_alone(23, 24)
    assert said.startswith("23 of 24 masks have no labelled pixel, ")
    assert void_alone(1, 2)[0].startswith("1 of 2 masks has no labelled pixel, ")
