"""The bundled checkpoint on the validation images of CamVid, scored by a script of its own.

Skips where CamVid is not beside the project, which pytest's summary says.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import EXAMPLES, REPOSITORY, Hypseg, manifest

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.app import main


@pytest.fixture(scope="module")
def stored(camvid: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What predict writes for all images, with every measure, in the precision in which the cards are written."""
    out = tmp_path_factory.mktemp("camvid") / "out"
    images = str(camvid / "val/images")
    asked = ["--save", "labels,confidence", "--measure", "all", "--precision", "fp32"]
    assert main(["predict", images, "--out", str(out), *asked, "-q"]) == 0
    return out


def test_label_maps_reach_the_score_of_the_model_card(stored: Path, camvid: Path) -> None:
    out = stored
    confusion = np.zeros((11, 12), dtype=np.int64)
    for mask in sorted((camvid / "val/masks").glob("*.png")):
        with Image.open(mask) as truth, Image.open(out / "labels" / mask.name) as labels:
            pairs = 11 * np.asarray(truth).astype(np.int64) + np.asarray(labels)
        counts = np.bincount(pairs.ravel(), minlength=11 * 12).reshape(12, 11)
        confusion += counts.T
    confusion = confusion[:, :11]  # the last column is void
    hit = np.diag(confusion)
    iou = hit / (confusion.sum(0) + confusion.sum(1) - hit)
    assert len(manifest(out)) == 101
    assert iou.mean() == pytest.approx(read_header(bundled_checkpoint()).provenance.scores["mean_iou"], abs=5e-4)


def test_the_table_in_the_documentation_is_what_evaluate_prints(hypseg: Hypseg, stored: Path, camvid: Path) -> None:
    """Word by word; numbers may be off by one in their last digit, which another processor may round differently."""
    page = (REPOSITORY / "docs" / "evaluation.md").read_text(encoding="utf-8")
    shown = next(block for block in page.split("```\n") if "labelled pixels" in block.partition("\n")[0])
    outcome = hypseg("evaluate", "--predictions", stored, camvid / "val/masks", "--checkpoint", bundled_checkpoint())
    assert outcome.code == 0, outcome.stderr
    # Probabilities are not stored here, and NLL and Brier score come from them.
    wanted = [line for line in shown.splitlines() if not line.strip().startswith(("NLL", "Brier"))]
    found = outcome.stdout.splitlines()
    assert len(wanted) == len(found) > 25
    for one, other in zip(wanted, found, strict=True):
        for a, b in zip(one.split(), other.split(), strict=True):
            if re.fullmatch(r"[0-9]+\.[0-9]+", a):
                step = 10.0 ** -len(a.partition(".")[2])
                assert float(b) == pytest.approx(float(a), abs=1.01 * step), (one, other)
            elif not a.isdecimal():  # the best threshold may move by one
                assert a == b


def test_the_probability_of_being_right_is_true_on_images_it_was_not_fitted_to(stored: Path, camvid: Path) -> None:
    """Expected calibration error with 15 bins, counted here, against what docs/evaluation.md and the card say of it."""
    confidence, right = [], []
    for mask in sorted((camvid / "val/masks").glob("0016E5_0[78][19]*")):
        with Image.open(mask) as image, Image.open(stored / "labels" / mask.name) as labels:
            truth, answer = np.asarray(image), np.asarray(labels)
        with Image.open(stored / "confidence" / mask.name) as image:
            confidence.append(np.asarray(image)[truth != 11] / 65535.0)
        right.append((truth == answer)[truth != 11])
    sure, correct = np.concatenate(confidence), np.concatenate(right)
    assert len(confidence) == 51
    place = np.minimum((sure * 15).astype(int), 14)
    pixels, expected, found = (np.bincount(place, weights=w, minlength=15) for w in (None, sure, correct))
    error = np.abs(found - expected).sum() / pixels.sum()
    stated = {
        float(number)
        for name in ("docs/evaluation.md", "weights/streets.md")
        for number in re.findall(
            r"expected calibration error is ([0-9.]+[0-9])", " ".join((REPOSITORY / name).read_text("utf-8").split())
        )
    }
    assert len(stated) == 1
    assert error == pytest.approx(stated.pop(), abs=0.001)


def test_distance_ranks_errors_as_the_model_card_says(hypseg: Hypseg, camvid: Path, tmp_path: Path) -> None:
    """On every tenth image, by sorting all pixels: the AUROC of being wrong at a short distance to the origin."""
    images = sorted((camvid / "val/images").iterdir())[::10]
    (tmp_path / "list.txt").write_text("\n".join(str(path) for path in images))
    hypseg("predict", f"@{tmp_path / 'list.txt'}", "--out", tmp_path / "out", "--save", "labels,confidence", "--raw")
    right, confidence = [], []
    for path in images:
        with Image.open(camvid / "val/masks" / f"{path.stem}.png") as mask:
            truth = np.asarray(mask)
        with Image.open(tmp_path / f"out/labels/{path.stem}.png") as image:
            labels = np.asarray(image)
        with Image.open(tmp_path / f"out/confidence/{path.stem}.png") as image:
            plane = np.asarray(image)
        right.append((labels == truth)[truth != 11])
        confidence.append(plane[truth != 11])
    correct, values = np.concatenate(right), np.concatenate(confidence)
    _, rank, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - (count - 1) / 2)[rank]  # ties share their mean rank
    good, bad = int(correct.sum()), int((~correct).sum())
    auroc = (middle[correct].sum() - good * (good + 1) / 2) / (good * bad)
    scores = read_header(bundled_checkpoint()).provenance.scores
    assert auroc == pytest.approx(scores["auroc_distance"], abs=0.02)


def test_pictures_of_other_things_are_less_certain_than_any_street(
    hypseg: Hypseg, camvid: Path, tmp_path: Path
) -> None:
    def means(images: Path, out: Path) -> list[float]:
        assert hypseg("uncertainty", images, "--out", out).code == 0
        with (out / "ranking.csv").open(newline="") as file:
            return [float(row["mean"]) for row in csv.DictReader(file)]

    streets = means(camvid / "val/images", tmp_path / "streets")
    others = means(EXAMPLES / "others", tmp_path / "others")
    assert len(streets) == 101
    assert min(others) > max(streets)
