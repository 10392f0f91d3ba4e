"""The scores that decide whether a faster way is kept: those of an evaluation, and bounds on what may be lost."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image
from support import Hypseg, make_checkpoint
from support.tiny_data import NAMES, make_data

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import DataError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.request import Request
from hypsegcli.scores.brief import BriefCounts, BriefScores, count_predictions
from hypsegcli.truth.pairs import pair_files


def count(checkpoint: Path, data: Path, seen: Callable[[NDArray[np.uint16]], None]) -> BriefCounts:
    segmenter = make_segmenter(load_checkpoint(checkpoint), Request(measures=("distance",)), engine="torch")
    images, masks = str(data / "val" / "images"), str(data / "val" / "masks")
    pairs = pair_files(masks=masks, images=images, predictions=None, image_suffix="", mask_suffix="", tell=print)
    return count_predictions(segmenter, pairs, ignore_index=255, id_map=None, max_pixels=10**6, workers=0, seen=seen)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return make_checkpoint(tmp_path / "x.safetensors", flat_tree(list(NAMES)), backbone="mobilenet_v3_small")


def test_they_are_those_of_an_evaluation(hypseg: Hypseg, checkpoint: Path, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", val=3)
    seen: list[int] = []
    counts = count(checkpoint, data, lambda levels: seen.append(int(levels.astype(np.int64).sum())))
    assert len(seen) == len(set(counts.marks)) == 3
    assert sum(seen) > 0
    found = counts.scores()
    images, masks, out = data / "val" / "images", data / "val" / "masks", tmp_path / "report"
    assert hypseg("evaluate", images, masks, "-c", checkpoint, "-o", out, "--longest-side", "off", "-q").code == 0
    report = json.loads((out / "report.json").read_text())
    measure = next(each for each in report["measures"] if each["name"] == "distance")
    assert found.mean_iou == report["summary"]["miou"]["value"]
    assert (found.auroc, found.ece) == (measure["auroc"], measure["ece"])


def test_what_photographs_have_no_data_of_is_not_seen(checkpoint: Path, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", val=2)
    first, second = sorted((data / "val/images").iterdir())
    pixels = np.maximum(np.asarray(Image.open(first).convert("RGB")), 1)
    pixels[:, :7] = 0
    nodata = [(42113, "s", 0, "0", True)]  # of GDAL
    tifffile.imwrite(first.with_suffix(".tif"), pixels, photometric="rgb", extratags=nodata)
    first.unlink()
    seen: list[int] = []
    count(checkpoint, data, lambda levels: seen.append(levels.size))
    with Image.open(second) as other:
        assert seen == [pixels[:, 7:, 0].size, other.width * other.height]


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        (BriefScores(0.6, 0.9, 0.5), []),
        (BriefScores(0.596, 0.896, 0.0), []),
        (BriefScores(0.7, 0.95, 0.0), []),
        (BriefScores(0.594, 0.9, 0.0), ["mean IoU falls from 0.6000 to 0.5940, by more than 0.005"]),
        (BriefScores(0.6, 0.89, 0.0), ["AUROC falls from 0.9000 to 0.8900, by more than 0.005"]),
        (
            BriefScores(0.6, math.nan, 0.0),
            ["AUROC falls from 0.9000 to nan, by more than 0.005"],
        ),
    ],
)
def test_what_is_lost_beyond_the_bounds_is_named(after: BriefScores, lost: list[str]) -> None:
    assert after.losses(BriefScores(0.6, 0.9, 0.0)) == lost


@pytest.mark.parametrize(("right", "wrong"), [(4, 0), (0, 4), (0, 0)])
def test_what_has_no_score_is_refused(right: int, wrong: int) -> None:
    """A bound on what is no number would be kept by any network."""
    confusion, table = np.zeros((2, 3), np.int64), np.zeros((65536, 2), np.int64)
    confusion[0, :2], table[7] = (right, wrong), (right, wrong)
    with pytest.raises(DataError, match="the labelled pixels of 2 images are all right, or all wrong"):
        BriefCounts("distance", confusion, table, marks=("0" * 16, "1" * 16)).scores()
