"""`hypseg evaluate --match`: scores of matched label maps against an independent count, and what is refused."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, jaccard_score
from support import Hypseg

CLASSES = ("sky", "road", "tree", "car")


def put(folder: Path, maps: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for index, one in enumerate(maps):
        Image.fromarray(one.astype(np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def maps(tmp_path: Path) -> dict[str, np.ndarray]:
    """Masks of four classes with void, and clusters that follow them: of `few` three, of `many` nine."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, (4, 6, 8)).repeat(4, 1).repeat(4, 2)
    few = np.choose(truth, [2, 0, 1, 1])
    many = 2 * truth + rng.integers(0, 2, truth.shape)
    for clusters, most in ((few, 3), (many, 9)):
        wrong = rng.random(truth.shape) < 0.2
        clusters[wrong] = rng.integers(0, most, truth.shape)[wrong]
    truth[:, :3] = 255
    (tmp_path / "classes.txt").write_text("".join(f"{index}:{name}\n" for index, name in enumerate(CLASSES)))
    for name, values in (("masks", truth), ("few", few), ("many", many)):
        put(tmp_path / name, values[:2])
        put(tmp_path / "other" / name, values[2:])
    return {"masks": truth, "few": few, "many": many}


def score(hypseg: Hypseg, folder: Path, clusters: str, match: object, out: Path, **files: Path) -> dict[str, Any]:
    outcome = hypseg(
        "evaluate", "--predictions", folder / clusters, folder / "masks", "--classes",
        files.get("classes", folder / "classes.txt"), "--match", match, "--out", out, "--bootstrap", 0,
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


def agrees(report: dict[str, Any], truth: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the report's accuracy and mean IoU are those that scikit-learn gives for classes."""
    known = truth != 255
    accuracy = accuracy_score(truth[known], labels[known])
    miou = jaccard_score(truth[known], labels[known], labels=range(4), average="macro")
    means = report["segmentation"]["conventions"]["cityscapes"]
    return bool(np.allclose([means["pixel_accuracy"], means["miou"]], [accuracy, miou], atol=1e-9))


def test_hungarian_is_scored_as_the_best_renaming_is(
    hypseg: Hypseg, maps: dict[str, np.ndarray], tmp_path: Path
) -> None:
    report = score(hypseg, tmp_path, "few", "hungarian", tmp_path / "report")
    truth, clusters = maps["masks"][:2], maps["few"][:2]
    renamings = [np.array(one) for one in itertools.permutations(range(4), 3)]
    best = max(renamings, key=lambda one: ((one[clusters] == truth) & (truth != 255)).sum())
    assert agrees(report, truth, best[clusters])
    assert [CLASSES.index(row["matched"]) for row in report["match"]["clusters"]] == best.tolist()


def test_majority_is_made_on_some_images_and_scored_on_others(
    hypseg: Hypseg, maps: dict[str, np.ndarray], tmp_path: Path
) -> None:
    truth, clusters = maps["masks"], maps["many"]
    known = truth[:2] != 255
    counts = np.zeros((9, 4), int)
    np.add.at(counts, (clusters[:2][known], truth[:2][known]), 1)
    table = counts.argmax(1)
    made = score(hypseg, tmp_path, "many", "majority", tmp_path / "made")
    assert agrees(made, truth[:2], table[clusters[:2]])
    assert made["match"]["made_by"] is None
    classes = tmp_path / "classes.txt"
    other = score(hypseg, tmp_path / "other", "many", tmp_path / "made", tmp_path / "scored", classes=classes)
    assert agrees(other, truth[2:], table[clusters[2:]])
    assert other["match"] == made["match"] | {"made_by": str(tmp_path / "made")}
    # And handed on: the report that was made by another one's match tells the first.
    third = score(hypseg, tmp_path / "other", "many", tmp_path / "scored/report.json", tmp_path / "t", classes=classes)
    assert third["match"] == other["match"]


@pytest.mark.parametrize("void", [1, 6, 8, 255])
@pytest.mark.parametrize("coded", ["ignore-index", "map"])
def test_how_clusters_are_numbered_changes_no_score(
    hypseg: Hypseg, maps: dict[str, np.ndarray], tmp_path: Path, void: int, coded: str
) -> None:
    """Whatever means void in the masks, also an id that a cluster has; 255 is none in label maps that say nothing."""
    truth, clusters = maps["masks"][:2].copy(), maps["many"][:2]
    truth[truth == 255] = void
    put(tmp_path / "coded", truth)
    (tmp_path / "map.txt").write_text(f"{void}:void\n")
    asked = ("--ignore-index", void) if coded == "ignore-index" else ("--map", tmp_path / "map.txt")
    known, nothing = truth != void, np.arange(24)[None, :, None] % 7 == 6
    counts = np.zeros((9, 4), int)
    labelled = known & ~nothing
    np.add.at(counts, (clusters[labelled], truth[labelled]), 1)
    right = counts.max(1).sum() / known.sum()
    for seed in range(3):
        named = np.random.default_rng(seed).permutation(9)[clusters]
        folder = put(tmp_path / f"clusters{seed}", np.where(nothing, 255, named))
        outcome = hypseg(
            "evaluate", "--predictions", folder, tmp_path / "coded", *asked, "--classes", tmp_path / "classes.txt",
            "--match", "majority", "--bootstrap", 0, "--out", tmp_path / f"report{seed}",
        )  # fmt: skip
        assert outcome.code == 0, outcome.stderr
        report = json.loads((tmp_path / f"report{seed}/report.json").read_text())
        means = report["segmentation"]["conventions"]["cityscapes"]
        assert means["pixel_accuracy"] == pytest.approx(right, abs=1e-9)
        assert sorted(row["pixels"] for row in report["match"]["clusters"]) == sorted(counts.sum(1).tolist())


def test_the_number_of_clusters_may_be_that_of_the_classes_and_not_more(
    hypseg: Hypseg, maps: dict[str, np.ndarray], tmp_path: Path
) -> None:
    command = ("evaluate", "--predictions", tmp_path / "many", tmp_path / "masks", "--match", "hungarian")
    outcome = hypseg(*command, "--classes", tmp_path / "classes.txt")
    assert outcome.code == 2
    assert "9 clusters for 4 classes; take --match majority" in outcome.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--match", "majority"], "name their list with --classes FILE"),
        (["--match", "best", "--classes", "classes.txt"], "expected hungarian or majority, or the folder"),
        (["--match", "masks", "--classes", "classes.txt"], "report.json"),
        (["--match", "majority", "--classes", "classes.txt", "--unseen", "sky,road"], "--unseen is about ids that are"),
        (["--match", "majority", "--classes", "classes.txt", "--prediction-map", "x"], "--prediction-map is about ids"),
    ],
)
def test_what_cannot_be_matched_is_refused(
    hypseg: Hypseg,
    maps: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = hypseg("evaluate", "--predictions", "many", "masks", *options)
    assert outcome.code in {1, 2}
    assert sentence in outcome.stderr


def test_an_evaluation_without_a_match_has_none_to_give(
    hypseg: Hypseg, maps: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = hypseg("evaluate", "--predictions", "few", "masks", "--classes", "classes.txt", "--out", "plain")
    assert plain.code == 0, plain.stderr
    command = ("evaluate", "--predictions", "few", "masks", "--classes", "classes.txt")
    assert "nothing was matched" in hypseg(*command, "--match", "plain").stderr
