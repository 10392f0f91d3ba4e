"""What passes for the same answers, and what does not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.lively import make_lively_checkpoint

from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.export.request import Size
from hypsegcli.export.verify import Agreement, compare, pictures
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.request import Request

CURVE = Calibration(distances=(0.0, 20.0), probabilities=(0.0, 1.0), fitted_on="nothing")
NOISE = [np.random.default_rng(2).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)]


@pytest.fixture
def known(tmp_path: Path) -> Checkpoint:
    loaded = load_checkpoint(make_lively_checkpoint(tmp_path / "x.safetensors", flat_tree(["a", "b", "c"])))
    loaded.header.__dict__["calibration"] = CURVE
    return loaded


def answers(known: Checkpoint, images: np.ndarray) -> list[np.ndarray]:
    """What a file that is right says."""
    found = make_segmenter(known, Request(), engine="torch", device="cpu").predict(list(images))
    distance = np.stack([each.confidence["distance"].values for each in found])
    return [np.stack([each.labels for each in found]), distance, np.interp(distance, [0, 20], [0, 1]).astype("f4")]


def test_the_same_answers_agree(known: Checkpoint) -> None:
    found = compare(lambda images: answers(known, images), known, NOISE)
    assert found.pixels == 2 * 40 * 50
    assert found.labels == found.distance == 0.0
    assert found.calibrated is not None
    assert found.calibrated < 1e-6
    assert found.is_close


@pytest.mark.parametrize(
    ("plane", "change"),
    [
        (0, lambda labels: (labels + (np.arange(50) == 7)).astype(np.uint8)),
        (1, lambda distance: distance + np.float32(0.01) * (np.arange(50) == 7)),
        (1, lambda distance: np.where(np.arange(50) == 7, np.float32(np.nan), distance)),
        (2, lambda calibrated: calibrated + np.float32(0.01) * (np.arange(50) == 7)),
        (2, lambda calibrated: calibrated * np.float32(np.nan)),
    ],
)
def test_other_answers_do_not(known: Checkpoint, plane: int, change: Any) -> None:
    def run(images: np.ndarray) -> list[np.ndarray]:
        found = answers(known, images)
        found[plane] = change(found[plane]).astype(found[plane].dtype)
        return found

    assert not compare(run, known, NOISE).is_close


def test_a_distance_that_is_no_number_is_found_without_a_calibration_too(known: Checkpoint) -> None:
    known.header.__dict__["calibration"] = None

    def run(images: np.ndarray) -> list[np.ndarray]:
        labels, distance, _ = answers(known, images)
        return [labels, np.where(np.arange(50) == 7, np.float32(np.nan), distance)]

    assert not compare(run, known, NOISE).is_close


@pytest.mark.parametrize(
    ("plane", "change"),
    [(0, lambda labels: labels.astype(np.int64)), (1, lambda distance: distance[:, :-1])],
)
def test_another_type_or_shape_is_no_answer(known: Checkpoint, plane: int, change: Any) -> None:
    def run(images: np.ndarray) -> list[np.ndarray]:
        found = answers(known, images)
        found[plane] = change(found[plane])
        return found

    with pytest.raises(ValueError, match=f"its {['labels', 'distance'][plane]} are "):
        compare(run, known, NOISE)


@pytest.mark.parametrize(
    ("labels", "radius", "calibrated", "close"),
    [
        (1e-4, 1e-3, None, True),
        (1.01e-4, 0.0, None, False),
        (0.0, 1.01e-3, None, False),
        (0.0, math.nan, None, False),
        (0.0, 0.0, 2e-3, False),
    ],
)
def test_the_bounds_are_100_ppm_and_a_thousandth(
    labels: float, radius: float, calibrated: float | None, close: bool
) -> None:
    assert Agreement(1000, labels, radius, radius, calibrated).is_close == close


def test_the_pictures_are_of_odd_sizes_and_a_batch_is_among_them() -> None:
    shapes = [images.shape for images in pictures(None)]
    assert [shape[0] for shape in shapes] == [1, 2]
    assert all(side % 2 for shape in shapes for side in shape[1:3])
    assert [images.shape for images in pictures(Size(30, 47))] == 2 * [(1, 30, 47, 3)]
    assert all(images.dtype == np.uint8 and len(np.unique(images)) > 100 for images in pictures(Size(30, 47)))
