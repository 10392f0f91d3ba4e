"""`hypseg evaluate` and `hypseg compare`, as a user meets them."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from support import Hypseg, grow, make_checkpoint, photograph
from support.limited_engine import limit_memory
from support.lively import make_lively_checkpoint
from support.stores import Store

from hypsegcli.files.lock import locked
from hypsegcli.hierarchy.rule import THRESHOLDS
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.metrics.catalogue import DEFINITIONS, METRICS
from hypsegcli.metrics.records import AnswerRow, Report
from hypsegcli.metrics.report_file import SCHEMA, read_report, report_schema
from hypsegcli.report.assemble import Built, build_report
from hypsegcli.scores.sources import StoredSource
from hypsegcli.truth.pairs import Pair

TREE = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)
KEYS = ("a", "b", "sub/c")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint") / "random.safetensors", TREE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three photographs and their masks: patches of classes, a void border."""
    for seed, key in enumerate(KEYS):
        photograph(tmp_path / "images" / f"{key}.png", seed=seed)
        mask = np.kron(np.random.default_rng(seed).integers(0, 3, (6, 8)), np.ones((8, 8))).astype(np.uint8)
        mask[:2] = 255
        put(tmp_path / "masks" / f"{key}.png", mask)
    return tmp_path


def put(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def report_of(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "report.json").read_text())
    assert isinstance(found, dict)
    return found


def test_a_checkpoint_is_scored(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    out = data / "out"
    outcome = hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", out)
    assert outcome.code == 0, outcome.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "per_image.csv",
        "replicates.npz",
        "report.html",
        "report.json",
    ]
    report = report_of(out)
    # Counted here once more, from what predict writes.
    hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", data / "maps", "--save", "labels")
    confusion = np.zeros((3, 4), int)
    for key in KEYS:
        truth, labels = read(data / "masks" / f"{key}.png"), read(data / "maps/labels" / f"{key}.png")
        for label in range(3):
            confusion[label, :3] += np.bincount(labels[truth == label], minlength=3)
    assert report["segmentation"]["confusion"] == confusion.tolist()
    assert report["labelled_pixels"] == confusion.sum() == 3 * 64 * 46
    assert report["void_pixels"] == 3 * 64 * 2
    hit = np.diag(confusion)
    iou = hit / (confusion.sum(1) + confusion[:, :3].sum(0) - hit)
    assert report["summary"]["miou"]["value"] == pytest.approx(iou.mean())
    assert report["summary"]["iou:car"]["value"] == pytest.approx(iou[2])
    assert report["summary"]["miou"]["low"] <= iou.mean() <= report["summary"]["miou"]["high"]
    assert f"{100 * iou.mean():.1f}" in outcome.stdout
    with (out / "per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == list(KEYS)
    assert sum(int(row["wrong_pixels"]) for row in rows) == confusion.sum() - hit.sum()


def test_a_bucket_is_scored_as_a_folder_is(hypseg: Hypseg, data: Path, checkpoint: Path, store: Store) -> None:
    store.fill(data, "data")
    store["model.safetensors"] = checkpoint.read_bytes()
    here = hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    there = ("evaluate", store.at("data/images"), store.at("data/masks"), "--out", store.at("report"))
    outcome = hypseg(*there, "--checkpoint", store.at("model.safetensors"))
    assert outcome.code == here.code == 0, outcome.stderr
    assert outcome.stdout.replace(store.at("report"), str(data / "out")) == here.stdout
    names = ["per_image.csv", "replicates.npz", "report.html", "report.json"]
    assert sorted(store.files("report")) == names
    for name in names[:2]:
        assert store[f"report/{name}"] == (data / "out" / name).read_bytes()
    one, two = report_of(data / "out"), json.loads(store["report/report.json"])
    assert one["segmentation"] == two["segmentation"]
    assert one["subject"]["keys_sha256"] == two["subject"]["keys_sha256"]
    again = hypseg(*there, "--checkpoint", checkpoint)
    assert again.code == 2
    assert "there already" in again.stderr
    stored = hypseg("evaluate", data / "masks", "--predictions", store.at("maps"))
    assert stored.code == 2
    assert "cannot lie in a store" in stored.stderr
    for shard, place in (("0/2", store.at("data")), ("1/2", data)):  # wherever a shard sees them
        images = (f"{place}/images", f"{place}/masks", "--checkpoint", checkpoint)
        assert hypseg("evaluate", *images, "--out", data / "shards", "--shard", shard).code == 0
    assert hypseg("merge", data / "shards").code == 0
    assert (data / "shards/per_image.csv").read_bytes() == (data / "out/per_image.csv").read_bytes()


def test_stored_maps_give_the_same_report(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    """Bit for bit, but for what is about the two ways themselves, and for probabilities of 16 bits."""
    options = ("--checkpoint", checkpoint)
    hypseg("evaluate", data / "images", data / "masks", *options, "--out", data / "one")
    save = "labels,confidence,probabilities"
    hypseg("predict", data / "images", *options, "--out", data / "maps", "--measure", "all", "--save", save)
    stored = ("--predictions", data / "maps", "--out", data / "two")
    outcome = hypseg("evaluate", data / "images", data / "masks", *options, *stored)
    assert outcome.code == 0, outcome.stderr
    one, two = report_of(data / "one"), report_of(data / "two")
    for score in ("nll", "brier"):
        first, second = one["summary"].pop(score), two["summary"].pop(score)
        assert first["value"] == pytest.approx(second["value"], rel=1e-3)
    assert one.pop("probabilities")["nll"] == pytest.approx(two.pop("probabilities")["nll"], rel=1e-3)
    assert one.pop("subject")["masks_sha256"] == two.pop("subject")["masks_sha256"]
    assert one.pop("replicates_sha256") != two.pop("replicates_sha256")  # for those probabilities
    assert one == two
    assert (data / "one/per_image.csv").read_bytes() == (data / "two/per_image.csv").read_bytes()


def test_maps_of_a_run_that_was_killed_are_scored_with_doubts(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    arguments = ("--checkpoint", checkpoint)
    hypseg("predict", data / "images", *arguments, "--out", data / "maps")
    run = json.loads((data / "maps/run.json").read_text())
    (data / "maps/run.json").write_text(json.dumps(run | {"status": "running"}))
    lines = (data / "maps/manifest.jsonl").read_text().splitlines(keepends=True)
    (data / "maps/manifest.jsonl").write_text(lines[0])
    outcome = hypseg("evaluate", "--predictions", data / "maps", data / "masks", *arguments, "--out", data / "out")
    assert outcome.code == 0
    doubts = report_of(data / "out")["warnings"]
    assert len(doubts) == 2
    assert "is running, not finished; finish it with --resume" in doubts[0]
    assert "4 of 6 maps are not in its manifest.jsonl" in doubts[1]
    assert all(doubt in outcome.stderr for doubt in doubts)


def test_maps_that_a_run_replaces_while_they_are_scored_are_doubted(
    hypseg: Hypseg, data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", data / "maps", "--save", "labels")
    books, read_map = data / "maps/manifest.jsonl", StoredSource.read
    recipe = json.loads(books.read_text().splitlines()[0])["recipe"]

    def overtaken(self: StoredSource, pair: Pair, truth: np.ndarray) -> object:
        books.write_text(books.read_text().replace(recipe, "0" * 16))
        return read_map(self, pair, truth)

    monkeypatch.setattr(StoredSource, "read", overtaken)
    arguments = ("--checkpoint", checkpoint, "--out", data / "out")
    assert hypseg("evaluate", "--predictions", data / "maps", data / "masks", *arguments).code == 0
    doubts = "; ".join(report_of(data / "out")["warnings"])
    assert "3 of 3 maps changed in its manifest.jsonl while they were scored" in doubts


def test_label_maps_of_another_tool_need_a_class_list_only(hypseg: Hypseg, data: Path) -> None:
    (data / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    for key in KEYS:
        labels = read(data / "masks" / f"{key}.png").copy()
        labels[labels == 255] = 1
        labels[10:20] = 2
        put(data / "theirs" / f"{key}.png", labels)
    arguments = ("evaluate", "--predictions", data / "theirs", data / "masks")
    outcome = hypseg(*arguments)
    assert outcome.code == 2
    assert "--classes" in outcome.stderr
    outcome = hypseg(*arguments, "--classes", data / "classes.txt", "--out", data / "out")
    assert outcome.code == 0, outcome.stderr
    report = report_of(data / "out")
    assert report["measures"] == []
    assert report["probabilities"] is None
    assert report["subject"]["images"] is None
    assert 0.5 < report["summary"]["pixel_accuracy"]["value"] < 1
    assert "measure" not in outcome.stdout


def test_a_label_map_that_looks_interpolated_among_others_is_told(hypseg: Hypseg, tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    plain = np.repeat([[0] * 60 + [2] * 60], 120, axis=0).astype(np.uint8)
    ramp = np.repeat([[0] * 30 + [1] + [2] * 30 + [1] + [0] * 8 + [1] * 50], 120, axis=0).astype(np.uint8)
    for number in range(5):
        put(tmp_path / "masks" / f"{number}.png", plain)
        put(tmp_path / "theirs" / f"{number}.png", ramp if number == 3 else plain)
    theirs = ("--predictions", tmp_path / "theirs", "--classes", tmp_path / "classes.txt")
    outcome = hypseg("evaluate", tmp_path / "masks", *theirs)
    assert outcome.code == 0, outcome.stderr
    assert "1 of the label maps looks interpolated" in outcome.stderr
    assert str(tmp_path / "theirs/3.png") in outcome.stderr


@pytest.mark.parametrize("inverted", [False, True])
def test_confidence_of_another_tool(hypseg: Hypseg, data: Path, *, inverted: bool) -> None:
    """Entirely sure where right, not at all where wrong: a perfect detector."""
    (data / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    for key in KEYS:
        truth = read(data / "masks" / f"{key}.png")
        labels = np.where(truth == 255, 0, truth).astype(np.uint8)
        labels[10:20] = 2
        put(data / "theirs" / f"{key}.png", labels)
        put(data / "planes" / f"{key}.png", np.where((labels == truth) != inverted, 255, 0).astype(np.uint8))
    option = "--uncertainty" if inverted else "--confidence"
    arguments = ("--classes", data / "classes.txt", option, f"margin of mine={data / 'planes'}", "--out", data / "out")
    outcome = hypseg("evaluate", "--predictions", data / "theirs", data / "masks", *arguments)
    assert outcome.code == 0, outcome.stderr
    measure = report_of(data / "out")["measures"][0]
    assert measure["name"] == "margin of mine"
    assert (measure["auroc"], measure["aupr"], measure["fpr95"], measure["ece"]) == (1.0, 1.0, 0.0, 0.0)


def test_every_split_of_unseen_classes(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    """Zero-label: truth restricted to the unseen classes, answers to the best of them."""
    options = ("--checkpoint", checkpoint, "--unseen", "road,car")
    assert hypseg("evaluate", data / "images", data / "masks", *options, "--out", data / "one").code == 0
    save = "labels,confidence,probabilities"
    hypseg("predict", data / "images", *options[:2], "--out", data / "maps", "--measure", "all", "--save", save)
    confusion = np.zeros((3, 4), int)
    for key in KEYS:
        truth = read(data / "masks" / f"{key}.png")
        labels = 1 + np.load(data / "maps/probabilities" / f"{key}.npy")[1:].argmax(0)
        for label in (1, 2):
            confusion[label, :3] += np.bincount(labels[truth == label], minlength=3)
    one = report_of(data / "one")
    assert one["subject"]["unseen"] == ["road", "car"]
    assert one["segmentation"]["confusion"] == confusion.tolist()
    assert one["summary"]["iou:sky"]["value"] is None
    stored = ("--predictions", data / "maps", "--out", data / "two")
    assert hypseg("evaluate", data / "masks", *options, *stored).code == 0
    assert report_of(data / "two")["segmentation"] == one["segmentation"]
    over_all = ("--mean-over", "all", "--out", data / "three")
    assert hypseg("evaluate", data / "images", data / "masks", *options, *over_all).code == 0
    three = report_of(data / "three")["summary"]["miou"]
    assert three["value"] == pytest.approx(one["summary"]["miou"]["value"] * 2 / 3)
    assert three["low"] == pytest.approx(one["summary"]["miou"]["low"] * 2 / 3)


FINE = 5
MAPS = {  # by what a label map's ids become classes, and the ids of each class
    "as they are": (None, [[0], [1], [2], [3], [4]]),
    "the other way": ("0:4\n1:3\n3:1\n4:0\n", [[4], [3], [2], [1], [0]]),
    "merged": ("0:0\n1:0\n2:1\n3:2\n4:2\n", [[0, 1], [2], [3, 4]]),
}


def stored_stacks(data: Path, of_class: list[list[int]]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Truth, labels, float32 probabilities of the classes and confidence of each image, whose files are written."""
    images = []
    for seed, key in enumerate(KEYS):
        rng = np.random.default_rng(seed)
        mixed = 0.9 * rng.dirichlet(np.full(FINE, 0.5), (48, 64)) + 0.1 / FINE
        fine = mixed.transpose(2, 0, 1).astype(np.float32)
        ids, sure = fine.argmax(0).astype(np.uint8), fine.max(0)
        put(data / "maps/labels" / f"{key}.png", ids)
        for name, values in (("probabilities", fine), ("confidence", sure)):
            (data / "maps" / name / key).parent.mkdir(parents=True, exist_ok=True)
            np.save(data / "maps" / name / f"{key}.npy", values)
        classes = np.empty(FINE, np.uint8)
        for index, of_one in enumerate(of_class):
            classes[of_one] = index
        labels = classes[ids]
        truth = np.where(rng.random(labels.shape) < 0.7, labels, rng.integers(0, len(of_class), labels.shape))
        put(data / "masks" / f"{key}.png", truth.astype(np.uint8))
        images.append((truth, labels, np.stack([fine[of_one].sum(0) for of_one in of_class]), sure))
    return images


def mean_iou(truth: np.ndarray, labels: np.ndarray, classes: tuple[int, ...]) -> float:
    scores = [np.sum((truth == k) & (labels == k)) / np.sum((truth == k) | (labels == k)) for k in classes]
    return float(np.mean(scores))


@pytest.mark.parametrize("case", MAPS)
@pytest.mark.parametrize("unseen", [None, (1, 2)])
def test_probabilities_are_translated_with_their_label_maps(
    hypseg: Hypseg, data: Path, case: str, unseen: tuple[int, ...] | None
) -> None:
    """Every score is that of a count of its own."""
    text, of_class = MAPS[case]
    images = stored_stacks(data, of_class)
    (data / "classes.txt").write_text("".join(f"{index}:{index}\n" for index in range(len(of_class))))
    command: list[object] = ["evaluate", "--predictions", data / "maps", data / "masks", "-o", data / "out"]
    command += ["--classes", data / "classes.txt"]
    if text is not None:
        (data / "map.txt").write_text(text)
        command += ["--prediction-map", data / "map.txt"]
    truth, labels, sure = (np.concatenate([image[part].ravel() for image in images]) for part in (0, 1, 3))
    stack = np.concatenate([image[2].reshape(len(of_class), -1) for image in images], axis=1).astype(float)
    if unseen is not None:
        command += ["--unseen", ",".join(map(str, unseen))]
        scored = np.isin(truth, unseen)
        truth, sure, stack = truth[scored], sure[scored], stack[:, scored]
        labels = np.asarray(unseen)[stack[list(unseen)].argmax(0)]
    outcome = hypseg(*command)
    assert outcome.code == 0, outcome.stderr
    report = report_of(data / "out")
    found = {name: score["value"] for name, score in report["summary"].items()}
    own = stack[truth, np.arange(truth.size)]
    assert found["nll"] == pytest.approx(-np.log(own).mean(), rel=1e-4)
    assert found["brier"] == pytest.approx((np.square(stack).sum(0) - 2 * own + 1).mean(), rel=1e-4)
    assert found["miou"] == pytest.approx(mean_iou(truth, labels, unseen or tuple(range(len(of_class)))))
    right, wrong = sure[labels == truth], sure[labels != truth]
    ranks = np.searchsorted(np.sort(wrong), right).mean() / wrong.size
    assert found["auroc:confidence"] == pytest.approx(ranks, abs=1e-3)
    assert report["warnings"] == []


def test_probabilities_in_another_order_than_the_labels_are_doubted(hypseg: Hypseg, data: Path) -> None:
    stored_stacks(data, MAPS["as they are"][1])
    (data / "classes.txt").write_text("".join(f"{index}:{index}\n" for index in range(FINE)))
    for key in KEYS:
        path = data / "maps/probabilities" / f"{key}.npy"
        np.save(path, np.load(path)[::-1])
    outcome = hypseg("evaluate", "--predictions", data / "maps", data / "masks", "--classes", data / "classes.txt")
    assert outcome.code == 0, outcome.stderr
    assert "of the pixels the label maps hold another class than the likeliest of the probabilities" in outcome.stderr
    assert "answers for --unseen are of the probabilities alone" in outcome.stderr


def test_unseen_needs_probabilities(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", data / "maps", "--save", "labels")
    arguments = ("--predictions", data / "maps", "--unseen")
    outcome = hypseg("evaluate", data / "masks", *arguments, "car,sky")
    assert outcome.code == 2
    assert "probabilities" in outcome.stderr
    outcome = hypseg("evaluate", data / "masks", *arguments, "bus,car")
    assert outcome.code == 2
    assert "sky, road, car" in outcome.stderr
    for few in ("car", "car,car"):
        outcome = hypseg("evaluate", data / "masks", *arguments, few)
        assert outcome.code == 2
        assert "two classes" in outcome.stderr


def test_unseen_classes_that_no_mask_holds_are_an_error(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    for key in KEYS:
        mask = read(data / "masks" / f"{key}.png")
        put(data / "masks" / f"{key}.png", np.where(mask == 255, 255, 0).astype(np.uint8))
    outcome = hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--unseen", "road,car")
    assert outcome.code == 1
    assert "--unseen" in outcome.stderr


def test_dropout_is_scored_beside_the_plain_answer(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    options = ("--checkpoint", checkpoint, "--mc-dropout", "2", "--dropout-rate", "0.5")
    outcome = hypseg("evaluate", data / "images", data / "masks", *options, "--out", data / "out")
    assert outcome.code == 0, outcome.stderr
    report = report_of(data / "out")
    names = [measure["name"] for measure in report["measures"]]
    assert names[:5] == ["distance", "norm", "entropy", "margin", "max-probability"]
    assert sorted(names[5:]) == ["mc-entropy", "mc-max-probability", "mc-mutual-information"]
    assert report["dropout"]["passes"] == 2
    assert report["dropout"]["price"] > 1
    hypseg("evaluate", data / "images", data / "masks", *options[:2], "--out", data / "plain")
    plain = report_of(data / "plain")
    assert plain["dropout"] is None
    assert plain["segmentation"] == report["segmentation"]
    assert plain["measures"] == report["measures"][:5]


def test_the_first_measure_is_the_one_asked_for(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    options = ("--checkpoint", checkpoint, "--measure", "margin", "--out", data / "out")
    assert hypseg("evaluate", data / "images", data / "masks", *options).code == 0
    report = report_of(data / "out")
    assert report["boundaries"]["measure"] == report["measures"][0]["name"] == "margin"
    assert len(report["measures"]) == 5
    outcome = hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--measure", "x")
    assert outcome.code == 2
    assert "max-probability" in outcome.stderr


def test_a_background_class_has_its_own_zone(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    put(data / "masks/a.png", np.zeros((48, 64), np.uint8))
    options = ("--checkpoint", checkpoint, "--background", "sky", "--out", data / "out")
    assert hypseg("evaluate", data / "images", data / "masks", *options).code == 0
    zones = {zone["name"]: zone["pixels"] for zone in report_of(data / "out")["boundaries"]["zones"]}
    assert zones["background"] >= 48 * 64


@pytest.mark.parametrize("convention", ["cityscapes", "mmseg", "torchmetrics", "reference"])
def test_the_summary_follows_the_convention(hypseg: Hypseg, data: Path, checkpoint: Path, convention: str) -> None:
    maps = spoiled(data, "maps", 0.3)
    for key in KEYS:  # no car in the truth, but in the answers: its recall is 0 or takes no part
        mask = read(data / "masks" / f"{key}.png")
        put(data / "masks" / f"{key}.png", np.where(mask == 2, 1, mask).astype(np.uint8))
    options = ("--checkpoint", checkpoint, "--convention", convention, "--out", data / "out")
    assert hypseg("evaluate", "--predictions", maps, data / "masks", *options).code == 0
    report = report_of(data / "out")
    means = report["segmentation"]["conventions"]
    assert report["summary"]["class_accuracy"]["value"] == means[convention]["class_accuracy"]
    assert means["torchmetrics"]["class_accuracy"] == pytest.approx(means["mmseg"]["class_accuracy"] * 2 / 3)


def test_ids_are_translated(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    plain = ("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out")
    hypseg(*plain, data / "one")
    (data / "map.txt").write_text("7:0\n8:1\n9:2\n0:void\n")
    for key in KEYS:
        mask = read(data / "masks" / f"{key}.png").astype(int)
        put(data / "masks" / f"{key}.png", np.where(mask == 255, 0, mask + 7).astype(np.uint8))
    assert hypseg(*plain, data / "two").code == 1
    outcome = hypseg(*plain, data / "two", "--map", data / "map.txt")
    assert outcome.code == 0, outcome.stderr
    assert report_of(data / "one")["segmentation"] == report_of(data / "two")["segmentation"]
    outcome = hypseg("compare", data / "one", data / "two")
    assert outcome.code == 0  # the masks mean the same, whatever ids stood in the files


def test_bounds_decide_the_exit_code(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    arguments = ("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint)
    assert hypseg(*arguments, "--fail-under", "miou=0.0", "--fail-over", "nll=1e9").code == 0
    outcome = hypseg(*arguments, "--fail-under", "miou=0.99", "--fail-under", "pixel_accuracy=0.001")
    assert outcome.code == 4
    assert "miou is 0." in outcome.stderr
    assert "pixel_accuracy" not in outcome.stderr
    assert hypseg(*arguments, "--fail-over", "nll=0").code == 4
    assert hypseg(*arguments, "--unseen", "road,car", "--fail-under", "iou:sky=0").code == 4  # not defined is no pass
    for wrong in ("miou", "miou=", "miou=x", "=1"):
        assert hypseg(*arguments, "--fail-under", wrong).code == 2
    outcome = hypseg(*arguments, "--fail-under", "mIoU=0.1")
    assert outcome.code == 2
    assert "miou, pixel_accuracy" in outcome.stderr


def test_a_missing_file_is_named_before_anything_runs(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    (data / "masks/b.png").unlink()
    outcome = hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    assert outcome.code == 2
    assert "b.png" in outcome.stderr
    assert not (data / "out").exists()


def test_a_bad_image_ends_the_evaluation(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    (data / "images/b.png").write_bytes(b"")
    outcome = hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    assert outcome.code == 1
    assert "b.png" in outcome.stderr
    assert not (data / "out").exists()


def test_masks_of_another_size_are_diagnosed(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    put(data / "masks/b.png", np.zeros((24, 32), np.uint8))
    outcome = hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint)
    assert outcome.code == 1
    assert "resized to 0.5 times" in outcome.stderr


def test_illustrations_must_fit_too(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", data / "maps", "--save", "labels")
    photograph(data / "images/b.png", size=(32, 24))
    outcome = hypseg("evaluate", data / "images", data / "masks", "--predictions", data / "maps")
    assert outcome.code == 1
    assert "b.png" in outcome.stderr


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(
    hypseg: Hypseg, data: Path, checkpoint: Path
) -> None:
    (data / "file").touch()
    (data / "images/a.png").write_bytes(b"")  # would fail with 1
    for out in ("file", "file/below"):
        arguments = ("--checkpoint", checkpoint, "--out", data / out)
        outcome = hypseg("evaluate", data / "images", data / "masks", *arguments)
        assert outcome.code == 2
        assert "--out" in outcome.stderr


def test_planes_may_lie_beside_label_maps(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    hypseg(
        "predict", data / "images", "--checkpoint", checkpoint, "--out", data / "maps", "--save", "labels,confidence"
    )
    for entry in (data / "maps/labels").iterdir():
        entry.rename(data / "maps" / entry.name)
    (data / "maps/labels").rmdir()
    outcome = hypseg("evaluate", data / "masks", "--predictions", data / "maps", "--out", data / "out")
    assert outcome.code == 0, outcome.stderr
    assert [measure["name"] for measure in report_of(data / "out")["measures"]] == ["distance"]


def test_lists_pair_below_the_folder_that_they_share(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    for kind in ("images", "masks"):
        (data / f"{kind}.txt").write_text("".join(f"{kind}/{key}.png\n" for key in KEYS[1:]))
    lists = (f"@{data / 'images.txt'}", f"@{data / 'masks.txt'}")
    outcome = hypseg("evaluate", *lists, "--checkpoint", checkpoint, "--out", data / "out")
    assert outcome.code == 0, outcome.stderr
    rows = (data / "out/per_image.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == ["b", "sub/c"]


def test_label_maps_go_to_the_doctor_too(hypseg: Hypseg, data: Path) -> None:
    (data / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    for key in KEYS:
        truth = read(data / "masks" / f"{key}.png")
        put(data / "theirs" / f"{key}.png", np.where(truth == 255, 1, truth + 1).astype(np.uint8))
    arguments = ("--predictions", data / "theirs", "--classes", data / "classes.txt")
    outcome = hypseg("evaluate", data / "masks", *arguments)
    assert outcome.code == 1
    assert "label maps" in outcome.stderr
    assert "--prediction-map" in outcome.stderr
    assert "ids run from 1" in outcome.stderr


def test_void_may_have_the_id_of_a_class(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    """That class is not judged, but may be answered, by a network as by a label map."""
    for key in KEYS:
        mask = read(data / "masks" / f"{key}.png")
        put(data / "masks" / f"{key}.png", np.where(mask == 255, 0, mask).astype(np.uint8))
    options = ("--checkpoint", checkpoint, "--ignore-index", "0")
    hypseg("predict", data / "images", *options[:2], "--out", data / "maps", "--save", "labels")
    assert 0 in np.unique([read(data / "maps/labels" / f"{key}.png") for key in KEYS])
    assert hypseg("evaluate", data / "images", data / "masks", *options, "--out", data / "one").code == 0
    stored = ("--predictions", data / "maps", "--out", data / "two")
    assert hypseg("evaluate", data / "masks", *options, *stored).code == 0
    assert report_of(data / "one")["segmentation"] == report_of(data / "two")["segmentation"]


def test_names_that_are_no_text_do_not_end_a_finished_run(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    odd = data / os.fsdecode(b"odd\xff")
    (data / "images").rename(odd)
    (odd / "a.png").rename(odd / os.fsdecode(b"a\xff.png"))
    (data / "masks/a.png").rename(data / "masks" / os.fsdecode(b"a\xff.png"))
    outcome = hypseg("evaluate", odd, data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    assert outcome.code == 0, outcome.stderr
    assert report_of(data / "out")["subject"]["images"].endswith("odd?")


@pytest.mark.parametrize("way", [(), ("--overwrite",)])
def test_a_report_does_not_go_into_the_folder_of_a_run(
    hypseg: Hypseg, data: Path, checkpoint: Path, way: tuple[str, ...]
) -> None:
    """Where `hypseg verify` would find it foreign ever after."""
    out = data / "out"
    assert hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", out).code == 0
    outcome = hypseg("evaluate", "--predictions", out, data / "masks", "--out", out, *way)
    assert (outcome.code, "choose another --out" in outcome.stderr) == (2, True)
    assert hypseg("verify", out).code == 0
    one = data / "images" / "a.png"
    outcome = hypseg("evaluate", one, data / "masks" / "a.png", "--checkpoint", checkpoint, "--out", data / "report")
    assert "\n1 image, " in f"\n{outcome.stdout}"


def test_an_evaluation_that_ended_meanwhile_is_not_replaced(
    hypseg: Hypseg, data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor mixed with this one; the scores are on the screen at least."""

    def build(*arguments: Any, **options: Any) -> Built:
        grow(data / "out", "report.html")
        return build_report(*arguments, **options)

    monkeypatch.setattr("hypsegcli.report.assemble.build_report", build)
    arguments = ("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    outcome = hypseg(*arguments)
    assert outcome.code == 2
    assert "report.html: is there already; replace it with --overwrite" in outcome.stderr
    assert "mIoU" in outcome.stdout
    assert [path.name for path in (data / "out").iterdir()] == ["report.html"]
    with locked(data / "out", "evaluate"):
        outcome = hypseg(*arguments, "--overwrite")
    assert outcome.code == 2
    assert "another run is writing here (hypseg evaluate" in outcome.stderr
    assert [path.name for path in (data / "out").iterdir()] == ["report.html"]


def test_an_earlier_report_is_kept(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    arguments = ("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    hypseg(*arguments)
    before = (data / "out/report.json").read_bytes()
    outcome = hypseg(*arguments, "--convention", "mmseg")
    assert outcome.code == 2
    assert "--overwrite" in outcome.stderr
    assert (data / "out/report.json").read_bytes() == before
    assert hypseg(*arguments, "--convention", "mmseg", "--overwrite").code == 0
    assert (data / "out/report.json").read_bytes() != before


@pytest.mark.parametrize(
    "arguments",
    [
        ("images",),
        ("images", "masks", "masks"),
        ("images", "masks", "--tolerance", "0"),
        ("images", "masks", "--tolerance", "x%"),
        ("images", "masks", "--confidence", "a=images"),
        ("images", "masks", "--prediction-map", "map.txt"),
        ("masks", "--predictions", "masks", "--mc-dropout", "3"),
        ("masks", "--predictions", "masks", "--longest-side", "300"),
        ("images", "masks", "--longest-side", "300", "--tile", "256"),
        ("images", "masks", "--tile", "100"),
        ("images", "masks", "--dropout-rate", "0.3"),
        ("images", "masks", "--full-scale", "3"),
        ("images", "masks", "--tolerance", "201"),
        ("images", "masks", "--tolerance", "1.5"),
        ("images", "masks", "--tolerance", "6%"),
        ("images", "masks", "--fail-under", "mIoU=0.5"),
        ("masks", "--predictions", "masks", "--device", "cpu"),
        ("masks", "--predictions", "masks", "--engine", "torch"),
        ("images", "masks", "--mc-dropout", "2", "--engine", "openvino"),
        ("masks", "--predictions", "masks", "--precision", "fp32"),
        ("masks", "--predictions", "masks", "--tile", "off"),
        ("masks", "--predictions", "masks", "--interpolate", "points"),
        ("masks", "--predictions", "masks", "--confidence", "a=images", "--confidence", "a=images"),
        ("images", "masks", "--background", "bus"),
        ("images", "masks", "--threshold", "0.7"),
        ("images", "masks", "--level", "1", "--threshold", "0.7"),
        ("images", "masks", "--level", "3"),
        ("images", "masks", "--level", "moon"),
        ("images", "masks", "--level", "auto", "--unseen", "sky,car"),
        ("images", "masks", "--level", "auto", "--tree", "tree.json"),
        ("masks", "--predictions", "masks", "--level", "auto"),
        ("masks", "--predictions", "masks", "--confidence", "images"),
        ("masks", "--predictions", "masks", "--confidence", "a=nowhere"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    hypseg: Hypseg, data: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(data)
    outcome = hypseg("evaluate", *arguments, "--checkpoint", checkpoint, "--out", "out")
    assert outcome.code == 2
    assert len(outcome.stderr.splitlines()) == 1
    assert not (data / "out").exists()


def test_a_report_can_be_read_back(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    report = read_report(data / "out/report.json")
    assert Report.model_validate_json(report.model_dump_json()) == report
    kinds = {name.partition(":")[0] for name in report.summary}
    assert kinds <= DEFINITIONS.keys()
    assert report.definitions == DEFINITIONS


def test_the_published_schema_is_that_of_the_report() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == report_schema()


# --- answers by the class tree ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lively_checkpoint(tmp_path_factory.mktemp("lively") / "random.safetensors", TREE)


def evaluated(hypseg: Hypseg, data: Path, name: str, *arguments: object) -> dict[str, Any]:
    outcome = hypseg("evaluate", *arguments, "--out", data / name)
    assert outcome.code == 0, outcome.stderr
    return report_of(data / name)


def without_answers(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says beside its answers, and where they are named."""
    of_answers = {metric.name for metric in METRICS if metric.place == "answers"}
    options = {
        name: value for name, value in report["subject"]["options"].items() if name not in {"level", "threshold"}
    }
    return report | {
        "replicates_sha256": "",
        "summary": {name: score for name, score in report["summary"].items() if name not in of_answers},
        "hierarchy": report["hierarchy"] | {"answers": None},
        "subject": report["subject"] | {"options": options},
    }


@pytest.mark.parametrize("level", [("auto",), ("auto", "--threshold", "0.72"), ("1",), ("ground",)])
def test_answers_by_level_are_scored_beside_all_else(
    hypseg: Hypseg, data: Path, lively: Path, level: tuple[str, ...]
) -> None:
    network = (data / "images", data / "masks", "--checkpoint", lively)
    plain = evaluated(hypseg, data, "plain", *network)
    shown = hypseg("evaluate", *network, "--level", *level, "--out", data / "deep").stdout
    report = report_of(data / "deep")
    assert plain["hierarchy"]["answers"] is None
    assert without_answers(report) == without_answers(plain)
    assert (data / "plain/per_image.csv").read_bytes() == (data / "deep/per_image.csv").read_bytes()
    answers = report["hierarchy"]["answers"]
    assert "Answers by the class tree" in shown
    assert f"{answers['rule']} *" in shown
    assert "Confidence as a detector of wrong answers" in shown
    threshold = float(level[-1]) if len(level) > 1 else 0.5
    rule = f"auto, {threshold:g}" if level[0] == "auto" else "level 1"
    assert (answers["rule"], answers["chosen"]["name"]) == (rule, rule)
    assert report["subject"]["options"]["level"] == ("auto" if level[0] == "auto" else 1)
    thresholds = sorted({*THRESHOLDS, threshold}) if level[0] == "auto" else THRESHOLDS
    assert [row["name"] for row in answers["rows"]] == ["class", "level 1", *(f"auto, {t:g}" for t in thresholds)]
    assert answers["rows"][0]["answer_accuracy"] == plain["summary"]["pixel_accuracy"]["value"]
    # Counted here once more, from what predict writes.
    hypseg("predict", data / "images", "--checkpoint", lively, "--out", data / "maps", "--level", *level)
    right = answered = 0
    given = set[int]()
    for key in KEYS:
        truth, nodes = read(data / "masks" / f"{key}.png"), read(data / "maps/labels" / f"{key}.png")
        said = (truth < 255) & (nodes < TREE.nodes)
        right += int((said & ((nodes == truth) | ((nodes == 3) & (truth > 0)))).sum())
        answered += int(said.sum())
        given |= set(np.unique(nodes))
    assert len(given) > 1, "too uniform a network to test anything"
    assert report["summary"]["answer_accuracy"]["value"] == pytest.approx(right / answered)
    assert report["summary"]["answered"]["value"] == pytest.approx(answered / report["labelled_pixels"])
    assert report["summary"]["hierarchical_f1"]["low"] is not None


def test_maps_that_hold_nodes_are_scored_as_the_network_is(hypseg: Hypseg, data: Path, lively: Path) -> None:
    """The maps tell tree and threshold themselves."""
    deep = ("--level", "auto", "--threshold", "0.6")
    network = (data / "images", data / "masks", "--checkpoint", lively)
    one = evaluated(hypseg, data, "one", *network, *deep)["hierarchy"]["answers"]
    save = ("--measure", "all", "--save", "labels,confidence")
    hypseg("predict", data / "images", "--checkpoint", lively, *deep, "--out", data / "maps", *save)
    report = evaluated(hypseg, data, "two", data / "masks", "--predictions", data / "maps")
    two = report["hierarchy"]["answers"]
    assert [row["name"] for row in two["rows"]] == [two["rule"]] == ["auto, 0.6"]
    for part in ("chosen", "nodes", "measures"):
        assert one[part] == two[part], part
    assert report["measures"] == [], "the planes speak of nodes"
    assert len(report["warnings"]) == 1
    assert "take an inner node for no class" in report["warnings"][0]
    # A pixel that got an inner node has no class, and is a miss of its own.
    misses = sum(row[-1] for row in report["segmentation"]["confusion"])
    assert misses == pytest.approx((1 - two["chosen"]["class_share"]) * report["labelled_pixels"])
    page = (data / "two/report.html").read_text(encoding="utf-8")
    assert "Answers as deep as sure" in page


def test_maps_of_nodes_that_lack_their_tree_take_the_checkpoint_s(hypseg: Hypseg, data: Path, lively: Path) -> None:
    """Those of 0.1.0."""
    hypseg("predict", data / "images", "--checkpoint", lively, "--level", "auto", "--out", data / "maps")
    for path in (data / "maps/labels").rglob("*.png"):
        with Image.open(path) as image:
            own = json.loads(image.text["hypseg"])  # type: ignore[attr-defined]
            assert own.pop("threshold") == 0.5
            assert own.pop("parents") == [-1, 3, 3, -1]
            texts = PngInfo()
            texts.add_itxt("hypseg", json.dumps(own))
            image.save(path, pnginfo=texts)
    stored = (data / "masks", "--predictions", data / "maps")
    outcome = hypseg("evaluate", *stored)
    assert outcome.code == 2
    assert "or their --checkpoint" in outcome.stderr
    report = evaluated(hypseg, data, "out", *stored, "--checkpoint", lively)
    assert report["hierarchy"]["answers"]["rule"] == "auto"
    assert report["subject"]["options"]["threshold"] is None
    (data / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    (data / "tree.json").write_text('{"root": {"sky": {}, "ground": {"road": {}, "car": {}}}}')
    named = ("--classes", data / "classes.txt", "--tree", data / "tree.json")
    assert evaluated(hypseg, data, "named", *stored, *named)["hierarchy"] == report["hierarchy"]
    outcome = hypseg("evaluate", *stored, *named[:2])
    assert outcome.code == 2
    assert "nodes of a class tree, but of another one" in outcome.stderr


def test_classes_of_maps_of_nodes_may_be_called_otherwise(hypseg: Hypseg, data: Path, lively: Path) -> None:
    hypseg("predict", data / "images", "--checkpoint", lively, "--level", "auto", "--out", data / "maps")
    stored = (data / "masks", "--predictions", data / "maps")
    report = evaluated(hypseg, data, "out", *stored)
    (data / "classes.txt").write_text("0:heaven\n1:road\n2:car\n")
    renamed = evaluated(hypseg, data, "renamed", *stored, "--classes", data / "classes.txt")
    for answers in (one["hierarchy"]["answers"] for one in (renamed, report)):
        answers["nodes"] = [node | {"name": node["name"].replace("heaven", "sky")} for node in answers["nodes"]]
    assert renamed["hierarchy"]["answers"] == report["hierarchy"]["answers"]
    assert renamed["segmentation"]["classes"][0]["name"] == "heaven"


def test_compare_compares_answers(hypseg: Hypseg, data: Path, lively: Path) -> None:
    network = (data / "images", data / "masks", "--checkpoint", lively)
    for name, level in (("a", ("--level", "auto")), ("b", ("--level", "1")), ("plain", ())):
        evaluated(hypseg, data, name, *network, *level)
    outcome = hypseg("compare", data / "a", data / "b")
    assert "hierarchical_f1" in outcome.stdout
    assert "level" in outcome.stdout
    outcome = hypseg("compare", data / "a", data / "plain")
    assert "hierarchical_f1" not in outcome.stdout
    assert "answers by the class tree of A alone, not compared" in outcome.stdout


def test_compare_does_not_judge_answers_by_other_class_trees(hypseg: Hypseg, data: Path, lively: Path) -> None:
    network = (data / "images", data / "masks", "--level", "auto", "--checkpoint")
    trees = {
        "renamed": ClassTree(names=("sky", "road", "car", "below"), parents=(-1, 3, 3, -1), classes=3),
        "other": ClassTree(names=("sky", "road", "car", "far"), parents=(3, 3, -1, -1), classes=3),
    }
    evaluated(hypseg, data, "a", *network, lively)
    for name, tree in trees.items():
        evaluated(hypseg, data, name, *network, make_lively_checkpoint(data / f"of {name}/{name}.safetensors", tree))
    found = json.loads(hypseg("compare", data / "a", data / "other", "--json").stdout)
    judged = {row["name"]: row["verdict"] for row in found["differences"]}
    of_tree = ["mistake_distance", *AnswerRow.model_fields.keys() - {"name", "threshold"}]
    assert {name for name, verdict in judged.items() if verdict == "not comparable"} == set(of_tree)
    assert all(row["low"] is None for row in found["differences"] if row["name"] in of_tree)
    assert judged["miou"] != "no interval"
    assert found["notes"][-1].startswith("the class trees differ, so that these do not mean the same")
    alike = hypseg("compare", data / "a", data / "renamed").stdout
    assert "class trees" not in alike
    assert verdicts(alike)["answer_accuracy"] != "not comparable"
    mixed = hypseg("compare", f"{data / 'a'},{data / 'other'}", data / "renamed").stdout
    assert "class trees differ" in mixed


def test_the_class_255_is_not_void_without_a_word(hypseg: Hypseg, tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("".join(f"{index}:c{index}\n" for index in range(300)))
    for name in ("masks", "maps"):
        put(tmp_path / name / "a.png", np.array([0, 254, 255, 299], np.uint16).repeat(16).reshape(8, 8))
    stored = ("evaluate", "--predictions", tmp_path / "maps", tmp_path / "masks", "--classes", tmp_path / "classes.txt")
    told = "is that of the class 'c255' too: its pixels (16) count for nothing; say what means void with --ignore-index"
    assert told in hypseg(*stored).stderr
    for void in ("255", "65535"):
        assert "c255" not in hypseg(*stored, "--ignore-index", void).stderr
    put(tmp_path / "masks" / "a.png", np.array([0, 254, 254, 299], np.uint16).repeat(16).reshape(8, 8))
    assert "c255" not in hypseg(*stored).stderr, "no mask holds it"


@pytest.mark.parametrize("kind", ["labels", "confidence"])
def test_maps_of_another_network_among_others_are_refused(
    hypseg: Hypseg, data: Path, checkpoint: Path, kind: str
) -> None:
    (data / "maps").mkdir()
    for name, names, measure in (
        ("one", ("sky", "road", "car"), "distance"),
        ("two", ("car", "road", "sky"), "entropy"),
    ):
        own = make_checkpoint(data / f"{name}.safetensors", flat_tree(names)) if kind == "labels" else checkpoint
        save = ("--measure", measure, "--save", "labels,confidence", "--out", data / name)
        hypseg("predict", data / "images", "--checkpoint", own, *save)
    for part in ("labels", "confidence"):  # without a manifest, which would tell
        shutil.copytree(data / "one" / part, data / "maps" / part)
    stored = ("evaluate", "--predictions", data / "maps", data / "masks")
    assert hypseg(*stored).code == 0
    shutil.copy(data / "two" / kind / "b.png", data / "maps" / kind / "b.png")
    outcome = hypseg(*stored)
    assert outcome.code == 1
    assert f"maps/{kind}/b.png: say of themselves that they are of different kinds" in outcome.stderr


def test_maps_of_which_some_are_refined_are_told(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    for name, refine in (("plain", ()), ("refined", ("--refine", "edges"))):
        save = ("--save", "labels", "--out", data / name)
        assert hypseg("predict", data / "images", "--checkpoint", checkpoint, *save, *refine).code == 0
    stored = ("evaluate", "--predictions", data / "maps", data / "masks", "--out", data / "out", "--overwrite")
    shutil.copytree(data / "refined/labels", data / "maps")  # without a manifest, which would tell
    assert hypseg(*stored).stderr == ""
    assert report_of(data / "out")["subject"]["options"]["refine"] == "edges"
    shutil.copy(data / "plain/labels/b.png", data / "maps")
    assert "were made to follow edges and nothing, and are scored as if they were of one run" in hypseg(*stored).stderr
    report = report_of(data / "out")
    assert report["subject"]["options"]["refine"] == "edges and nothing"
    assert len(report["warnings"]) == 1


def test_maps_in_place_of_photographs_are_refused(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    """`--predictions` was forgotten: else they would be segmented, and scored."""
    hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", data / "maps", "--save", "labels")
    outcome = hypseg("evaluate", data / "maps/labels", data / "masks", "--checkpoint", checkpoint)
    assert outcome.code == 1
    assert f"{data / 'maps/labels/a.png'}: this is a map that hypseg wrote (labels) and no photograph" in outcome.stderr
    assert "where label maps are to be scored, name those with --predictions" in outcome.stderr


# --- compare ---------------------------------------------------------------------------------------------


def spoiled(data: Path, name: str, share: float) -> Path:
    """Label maps in which a share of each mask's pixels is wrong."""
    for seed, key in enumerate(KEYS):
        truth = read(data / "masks" / f"{key}.png")
        rng = np.random.default_rng(seed)
        labels = np.where(rng.random(truth.shape) < share, rng.integers(0, 3, truth.shape), truth)
        put(data / name / f"{key}.png", np.where(truth == 255, 0, labels).astype(np.uint8))
    return data / name


def compared(hypseg: Hypseg, data: Path) -> None:
    (data / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    for name, share in (("good", 0.1), ("bad", 0.5)):
        maps = ("--predictions", spoiled(data, f"{name} maps", share), "--classes", data / "classes.txt")
        assert hypseg("evaluate", data / "masks", *maps, "--out", data / name).code == 0


def verdicts(text: str) -> dict[str, str]:
    rows = [line.split(None, 3) for line in text.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return {row[0]: row[-1].split("  ")[-1].strip() for row in rows}


@pytest.mark.parametrize(("images", "rough"), [(49, True), (50, False)])
def test_intervals_over_few_images_are_called_rough(
    hypseg: Hypseg, tmp_path: Path, images: int, *, rough: bool
) -> None:
    (tmp_path / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    for number in range(images):
        truth = np.random.default_rng(number).integers(0, 3, (8, 8)).astype(np.uint8)
        put(tmp_path / f"masks/{number}.png", truth)
        for name in ("one", "other"):
            put(tmp_path / f"{name} maps/{number}.png", np.where(np.eye(8) > 0, number % 3, truth).astype(np.uint8))
            put(tmp_path / f"{name} maps/0.png", truth if name == "other" else truth.T)
    told = [
        hypseg(
            "evaluate", "--predictions", tmp_path / f"{name} maps", tmp_path / "masks",
            "--classes", tmp_path / "classes.txt", "--out", tmp_path / name,
        ).stdout
        for name in ("one", "other")
    ]  # fmt: skip
    told.append(hypseg("compare", tmp_path / "one", tmp_path / "other").stdout)
    note = f"intervals over so few images ({images}) are rough"
    assert [note in text for text in told] == [rough] * 3


def test_compare_tells_which_is_better(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    outcome = hypseg("compare", data / "bad", data / "good/report.json")
    assert outcome.code == 0, outcome.stderr
    assert verdicts(outcome.stdout)["miou"] == verdicts(outcome.stdout)["pixel_accuracy"] == "better"
    assert verdicts(hypseg("compare", data / "good", data / "bad").stdout)["miou"] == "worse"
    alike = hypseg("compare", data / "good", data / "good").stdout
    assert verdicts(alike)["miou"] == "not shown"
    assert "not shown, with an interval of 0 to 0: on these images both score alike" in alike
    assert "of both signs" not in alike
    assert "iou:car" not in outcome.stdout
    assert verdicts(hypseg("compare", data / "bad", data / "good", "--all").stdout)["iou:car"] == "better"


def test_compare_takes_several_trainings_a_side(hypseg: Hypseg, data: Path) -> None:
    """Where they scatter more than they differ, nothing is shown, whatever the intervals over images say."""
    compared(hypseg, data)
    (data / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    for name, share in (("better", 0.05), ("fair", 0.45)):
        maps = ("--predictions", spoiled(data, f"{name} maps", share), "--classes", data / "classes.txt")
        assert hypseg("evaluate", data / "masks", *maps, "--out", data / name).code == 0
    one, other = f"{data / 'bad'},{data / 'fair'}", f"{data / 'good'},{data / 'better'}"
    found = json.loads(hypseg("compare", one, other, "--json").stdout)
    assert found["first"]["reports"] == one.split(",")
    miou = next(row for row in found["differences"] if row["name"] == "miou")
    alone = [report_of(data / name)["summary"]["miou"]["value"] for name in ("bad", "fair", "good", "better")]
    assert miou["first"] == pytest.approx((alone[0] + alone[1]) / 2)
    assert miou["difference"] == pytest.approx((alone[2] + alone[3] - alone[0] - alone[1]) / 2)
    mixed = (f"{data / 'bad'},{data / 'better'}", f"{data / 'fair'},{data / 'good'}")
    assert verdicts(hypseg("compare", data / "fair", data / "good").stdout)["miou"] == "better"
    assert verdicts(hypseg("compare", *mixed).stdout)["miou"] == "not shown"
    assert "not shown: the interval holds differences of both signs" in hypseg("compare", *mixed).stdout
    assert "another training" not in hypseg("compare", *mixed).stdout
    assert hypseg("compare", data / "bad", f"{data / 'good'},").code == 2


def test_compare_says_where_one_side_was_rounded_otherwise(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    assert "how that rounds" not in hypseg("compare", data / "good", data / "bad").stdout
    for name, device in (("good", "cpu, bf16"), ("bad", "cpu, fp32")):
        path = data / name / "report.json"
        report = json.loads(path.read_text())
        report["subject"]["options"]["device"] = device
        path.write_text(json.dumps(report))
    told = "what they ran on, or in, differs, and how that rounds is in the differences too: A cpu, bf16, B cpu, fp32"
    assert f"note: {told}\n" in hypseg("compare", data / "good", data / "bad").stdout


def test_compare_looks_at_every_evaluation_of_a_side(hypseg: Hypseg, data: Path) -> None:
    """What is said of two sides, is said of a side whose second evaluation is the odd one."""
    compared(hypseg, data)
    maps = ("--predictions", spoiled(data, "odd maps", 0.4), "--classes", data / "classes.txt", "--out", data / "odd")
    sure = ("--confidence", f"sureness={put_all(data / 'sure', data / 'masks')}")
    other = ("--mean-over", "all", "--tolerance", "10", "--convention", "mmseg", *sure)
    assert hypseg("evaluate", data / "masks", *maps, *other).code == 0
    good, bad, odd = data / "good", data / "bad", data / "odd"
    for sides in ((f"{good},{odd}", bad), (bad, f"{good},{odd}")):
        text = hypseg("compare", *sides).stdout
        (mixed,) = (line for line in text.splitlines() if line.startswith(("A: ", "B: ")) and "odd" in line)
        assert mixed.endswith("mean_over present or all, tolerance 0.5% or 10")
        letter = "B" if sides[1] == bad else "A"
        for said in (
            "mean_over differs, so that scores do not mean the same: ",
            "tolerance differs, so that scores do not mean the same: ",
            "means over classes differ in convention: ",
        ):
            (note,) = (line for line in text.splitlines() if said in line)
            assert f"{odd} " in note
            assert f"{letter} " in note
        assert f"measures of {odd} alone, not compared: sureness" in text


def put_all(folder: Path, masks: Path) -> Path:
    """Planes of one confidence for all masks."""
    for key in KEYS:
        put(folder / f"{key}.png", np.full_like(read(masks / f"{key}.png"), 200))
    return folder


def test_compare_counts_no_training_twice(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    (data / "link").symlink_to(data / "good")
    shutil.copytree(data / "good", data / "copy")
    maps = ("--predictions", data / "good maps", "--classes", data / "classes.txt", "--out", data / "convention")
    hypseg("evaluate", data / "masks", *maps, "--convention", "mmseg")
    for name in ("good", "good/report.json", "link", "copy", "convention"):
        for sides in (
            (data / "bad", f"{data / 'good'},{data / name}"),
            (f"{data / 'good'},{data / name}", data / "bad"),
        ):
            outcome = hypseg("compare", *sides)
            assert outcome.code == 1
            assert f"{data / 'good'} and {data / name}: of the same labels" in outcome.stderr
    assert hypseg("compare", data / "good", data / "copy").code == 0


def test_compare_counts_no_checkpoint_twice(hypseg: Hypseg, data: Path, lively: Path) -> None:
    """Its labels differ where it is asked in another way, and it is one training still."""
    maps = (data / "images", data / "masks", "--checkpoint", lively)
    for name, options in (("whole", ()), ("small", ("--longest-side", "32"))):
        assert hypseg("evaluate", *maps, *options, "--out", data / name).code == 0
    outcome = hypseg("compare", data / "whole", f"{data / 'whole'},{data / 'small'}")
    assert outcome.code == 1
    assert "of one checkpoint" in outcome.stderr
    assert hypseg("compare", data / "whole", data / "small").code == 0


def test_compare_says_where_other_images_bear_the_same_names(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    common = (data / "images", data / "masks", "--checkpoint", checkpoint, "--out")
    assert hypseg("evaluate", *common, data / "one").code == 0
    shutil.copytree(data / "images", data / "aside")
    photograph(data / "images" / f"{KEYS[0]}.png", seed=99)
    assert hypseg("evaluate", *common, data / "other").code == 0
    assert hypseg("evaluate", data / "aside", *common[1:], data / "again").code == 0
    note = "the image files differ under the same names"
    assert note in hypseg("compare", data / "one", data / "other").stdout
    assert note not in hypseg("compare", data / "one", data / "again").stdout


def test_compare_repeats_what_the_reports_doubt(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    report = report_of(data / "bad")
    report["warnings"] = ["3 of 3 images are of those that it was trained on"]
    (data / "bad" / "report.json").write_text(json.dumps(report))
    found = hypseg("compare", data / "good", data / "bad")
    assert "note: B: 3 of 3 images are of those that it was trained on" in found.stdout
    sides = json.loads(hypseg("compare", data / "bad", data / "good", "--json").stdout)
    assert "A: 3 of 3 images are of those that it was trained on" in sides["notes"]


def test_compare_asks_for_a_difference_that_matters(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    assert verdicts(hypseg("compare", data / "bad", data / "good", "--at-least", 0.9).stdout)["miou"] == "the same"
    assert verdicts(hypseg("compare", data / "good", data / "good", "--at-least", 0.01).stdout)["miou"] == "the same"


def test_compare_refuses_what_cannot_be_compared(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    maps = ("--predictions", data / "good maps", "--classes", data / "classes.txt")
    hypseg("evaluate", data / "masks", *maps, "--ignore-index", "0", "--map", one_map(data), "--out", data / "void")
    outcome = hypseg("compare", data / "good", data / "void")
    assert outcome.code == 1
    assert "masks differ" in outcome.stderr
    (data / "other.txt").write_text("0:sky\n1:road\n2:bus\n")
    hypseg("evaluate", data / "masks", *maps[:2], "--classes", data / "other.txt", "--out", data / "other")
    outcome = hypseg("compare", data / "good", data / "other")
    assert outcome.code == 1
    assert "not about the same classes" in outcome.stderr
    (data / "masks/b.png").unlink()
    (data / "good maps/b.png").unlink()
    hypseg("evaluate", data / "masks", *maps, "--out", data / "fewer")
    outcome = hypseg("compare", data / "good", data / "fewer")
    assert outcome.code == 1
    assert "not about the same images" in outcome.stderr
    (data / "good/replicates.npz").write_bytes((data / "bad/replicates.npz").read_bytes())
    outcome = hypseg("compare", data / "good", data / "bad")
    assert outcome.code == 1
    assert "it is not the one of this report" in outcome.stderr
    (data / "good/replicates.npz").unlink()
    outcome = hypseg("compare", data / "good", data / "bad")
    assert outcome.code == 1
    assert "replicates.npz" in outcome.stderr
    for text in ("", "{}", "[]", '{"schema_version": 1}', '{"schema_version": 99}'):
        (data / "good/report.json").write_text(text)
        outcome = hypseg("compare", data / "good", data / "bad")
        assert outcome.code == 1
        assert "report.json" in outcome.stderr
    assert "schema version 99" in outcome.stderr
    assert hypseg("compare", data / "nowhere", data / "bad").code == 1


def one_map(data: Path) -> Path:
    (data / "to void.txt").write_text("255:void\n")
    return data / "to void.txt"


def test_compare_says_where_conventions_differ(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    maps = ("--predictions", data / "good maps", "--classes", data / "classes.txt", "--out", data / "other")
    hypseg("evaluate", data / "masks", *maps, "--convention", "mmseg", "--tolerance", "2")
    notes = [line for line in hypseg("compare", data / "good", data / "other").stdout.splitlines() if "note" in line]
    assert len(notes) == 4
    assert "another training of A or B" in notes[0]
    assert "(3) are rough" in notes[1]
    assert "mmseg" in notes[2]
    assert "tolerance" in notes[3]


@pytest.mark.parametrize("text", ["[" * 10_000, "9" * 5_000, "[]", '{"schema_version": ' + "[" * 5_000])
def test_compare_believes_no_report_that_is_none(hypseg: Hypseg, tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    outcome = hypseg("compare", tmp_path, tmp_path)
    assert outcome.code == 1
    assert "report.json: " in outcome.stderr


def test_compare_takes_the_replicates_that_both_have(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    maps = ("--predictions", data / "good maps", "--classes", data / "classes.txt")
    hypseg("evaluate", data / "masks", *maps, "--bootstrap", "150", "--out", data / "few")
    hypseg("evaluate", data / "masks", *maps, "--bootstrap", "0", "--out", data / "none")
    found = hypseg("compare", data / "bad", data / "few").stdout
    assert verdicts(found)["miou"] == "better"
    assert "of so few replicates (150) intervals are wider than need be" in found
    assert "replicates" not in hypseg("compare", data / "bad", data / "good").stdout
    outcome = hypseg("compare", data / "bad", data / "none")
    assert "no replicates" in outcome.stdout
    assert verdicts(outcome.stdout)["miou"] == "no interval"


@pytest.mark.parametrize("replicates", ["1", "39", "99"])
def test_replicates_too_few_for_an_interval_are_refused(hypseg: Hypseg, data: Path, replicates: str) -> None:
    outcome = hypseg("evaluate", data / "images", data / "masks", "--bootstrap", replicates)
    assert outcome.code == 2
    assert f"--bootstrap {replicates}: so few replicates have no 95 % intervals; give 100 or more" in outcome.stderr


def test_a_single_image_shows_no_difference(hypseg: Hypseg, data: Path) -> None:
    compared(hypseg, data)
    for name in ("good", "bad"):
        maps = ("--predictions", data / f"{name} maps/a.png", "--classes", data / "classes.txt")
        assert hypseg("evaluate", data / "masks/a.png", *maps, "--out", data / f"one {name}").code == 0
    outcome = hypseg("compare", data / "one bad", data / "one good")
    assert verdicts(outcome.stdout)["miou"] == "no interval"


def test_maps_that_say_something_else_are_refused(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    options = ("--checkpoint", checkpoint, "--save", "labels")
    hypseg("predict", data / "images", *options, "--out", data / "maps")
    (data / "classes.txt").write_text("0:road\n1:sky\n2:car\n")
    stored = ("evaluate", "--predictions", data / "maps", data / "masks", "--classes", data / "classes.txt")
    outcome = hypseg(*stored)
    assert outcome.code == 2
    assert "0 is 'road' there and 'sky' to" in outcome.stderr
    (data / "map.txt").write_text("0:1\n1:0\n")
    assert hypseg(*stored, "--prediction-map", data / "map.txt").code == 0
    assert hypseg(*stored[:-2]).code == 0  # the maps tell their classes themselves


def test_label_maps_in_colour_are_scored_as_their_ids_are(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", data / "maps", "--save", "labels")
    for key in KEYS:
        with Image.open(data / "maps/labels" / f"{key}.png") as image:
            palette = np.reshape(np.array(image.getpalette("RGB")), (-1, 3))
            put(data / "colored" / f"{key}.png", np.array(image.convert("RGB")))
    (data / "classes.txt").write_text("".join(f"{k}:{name}\n" for k, name in enumerate(TREE.names[:3])))
    lines = [f"{name}:{','.join(map(str, palette[k]))}::\n" for k, name in enumerate(TREE.names[:3])]
    (data / "labelmap.txt").write_text("".join(lines))
    options = (data / "masks", "--classes", data / "classes.txt", "--bootstrap", "0")
    refused = hypseg("evaluate", "--predictions", data / "colored", *options)
    assert refused.code == 1
    assert "--prediction-colors" in refused.stderr
    assert "--mask-colors" not in refused.stderr
    colored = ("--prediction-colors", data / "labelmap.txt")
    assert hypseg("evaluate", "--predictions", data / "maps", *options, "--out", data / "ids").code == 0
    assert hypseg("evaluate", "--predictions", data / "colored", *options, *colored, "--out", data / "colors").code == 0
    by_id, by_color = (report_of(data / name)["segmentation"] for name in ("ids", "colors"))
    assert by_id == by_color


def test_a_class_list_must_have_the_checkpoints_classes(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    (data / "classes.txt").write_text("0:sky\n1:road\n")
    options = ("--checkpoint", checkpoint, "--classes", data / "classes.txt")
    outcome = hypseg("evaluate", data / "images", data / "masks", *options)
    assert outcome.code == 2
    assert "has 2 classes, the checkpoint 3" in outcome.stderr
    (data / "classes.txt").write_text("0:road\n1:sky\n2:car\n")
    outcome = hypseg("evaluate", data / "images", data / "masks", *options)
    assert outcome.code == 2
    assert "0 is 'road' there and 'sky' to the checkpoint" in outcome.stderr
    (data / "map.txt").write_text("0:1\n1:0\n")  # as is told
    swapped = {key: read(data / "masks" / f"{key}.png") for key in KEYS}
    for key, mask in swapped.items():
        put(data / "swapped" / f"{key}.png", np.where(mask < 2, 1 - mask, mask).astype(np.uint8))
    for name, more in (("masks", ()), ("swapped", ("--map", data / "map.txt"))):
        arguments = (data / "images", data / name, *options[:2], *more, "--out", data / f"of {name}")
        assert hypseg("evaluate", *arguments).code == 0
    assert report_of(data / "of masks")["segmentation"] == report_of(data / "of swapped")["segmentation"]


def test_a_class_list_may_have_other_words(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    """For the checkpoint's classes and its tree; which is told last, and in the report."""
    (data / "classes.txt").write_text("0:Himmel\n1:road\n2:car\n")
    options = ("--checkpoint", checkpoint, "--classes", data / "classes.txt")
    outcome = hypseg("evaluate", data / "images", data / "masks", *options, "--quiet", "--out", data / "out")
    assert outcome.code == 0, outcome.stderr
    last = outcome.stderr.strip().splitlines()[-1]
    assert "'Himmel' for 'sky'" in last
    report = report_of(data / "out")
    assert report["warnings"] == [last.removeprefix("hypseg: ")]
    assert report["classes"] == ["Himmel", "road", "car"]
    assert report["hierarchy"]["levels"][0]["nodes"] == ["Himmel", "ground"]
    (data / "tree.json").write_text('{"root": {"oben": {"Himmel": {}}, "unten": {"road": {}, "car": {}}}}')
    more = ("--tree", data / "tree.json", "--out", data / "tree")
    assert hypseg("evaluate", data / "images", data / "masks", *options, *more).code == 0
    assert report_of(data / "tree")["hierarchy"]["levels"][0]["nodes"] == ["oben", "unten"]


@pytest.mark.parametrize("option", [("--longest-side", "32"), ("--interpolate", "points")])
def test_options_of_the_answer_reach_the_network(
    hypseg: Hypseg, data: Path, checkpoint: Path, option: tuple[str, str]
) -> None:
    plain = ("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out")
    hypseg(*plain, data / "one")
    assert hypseg(*plain, data / "two", *option).code == 0
    assert report_of(data / "one")["measures"] != report_of(data / "two")["measures"]


def test_tolerance_is_pixels_or_percent_of_the_diagonal(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    """The masks are 64 x 48 pixels, 80 across: 2.5 % are 2 pixels."""
    found = []
    for number, tolerance in enumerate(("2", "2.5%", "4")):
        options = ("--checkpoint", checkpoint, "--tolerance", tolerance, "--out", data / str(number))
        assert hypseg("evaluate", data / "images", data / "masks", *options).code == 0
        found.append(report_of(data / str(number))["boundaries"])
    assert [edges.pop("tolerance") for edges in found] == ["2 pixels", "2.5 % of the diagonal", "4 pixels"]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(("options", "side"), [((), 64), (("--longest-side", "off"), None), (("--tile", "128"), None)])
def test_the_report_says_to_what_images_were_shrunk(
    hypseg: Hypseg, data: Path, checkpoint: Path, options: tuple[str, ...], side: int | None
) -> None:
    hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, *options, "--out", data / "out")
    assert report_of(data / "out")["subject"]["options"]["longest_side"] == side


def test_strips_tell_why_they_are_there(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    hypseg("evaluate", data / "images", data / "masks", "--checkpoint", checkpoint, "--out", data / "out")
    with (data / "out/per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    page = (data / "out/report.html").read_text(encoding="utf-8")
    for row in rows:
        assert f"mIoU {100 * float(row['miou']):.1f} %" in page
        assert f"mean uncertainty {float(row['uncertainty']):.3f}" in page


def test_numpy_planes_take_their_scale_from_the_command_line(hypseg: Hypseg, data: Path) -> None:
    (data / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    maps = spoiled(data, "maps", 0.3)
    (data / "planes/sub").mkdir(parents=True)
    for key in KEYS:
        right = read(maps / f"{key}.png") == read(data / "masks" / f"{key}.png")
        np.save(data / "planes" / f"{key}.npy", np.where(right, 5.0, 1.0).astype(np.float32))
    options = ("--predictions", maps, "--classes", data / "classes.txt", "--confidence", f"mine={data / 'planes'}")
    outcome = hypseg("evaluate", data / "masks", *options)
    assert outcome.code == 1
    assert "--full-scale" in outcome.stderr
    assert hypseg("evaluate", data / "masks", *options, "--full-scale", "5", "--out", data / "out").code == 0
    (measure,) = report_of(data / "out")["measures"]
    assert (measure["auroc"], measure["full_scale"]) == (1.0, 5.0)
    assert measure["reliability"][-1]["accuracy"] == 1.0


def test_what_does_not_fit_into_memory_is_scored_in_windows(
    hypseg: Hypseg, tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And said once, at the end."""
    limit_memory(monkeypatch, 512 * 64)
    for seed in range(2):
        photograph(tmp_path / f"images/{seed}.png", size=(528, 64), seed=seed)
        put(tmp_path / f"masks/{seed}.png", np.full((64, 528), seed, np.uint8))
    arguments = (
        tmp_path / "images",
        tmp_path / "masks",
        "--checkpoint",
        checkpoint,
        "--longest-side",
        "off",
    )
    outcome = hypseg("evaluate", *arguments)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stderr.endswith("2 images: did not fit into memory whole; scored in windows of 512 pixels\n")
    outcome = hypseg("evaluate", *arguments, "--tile", "off")
    assert outcome.code == 1
    assert "0.png: 528 x 64 pixels do not fit into memory; use" in outcome.stderr


def test_label_maps_off_by_one_are_scored_with_a_warning(hypseg: Hypseg, tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("0:a\n1:b\n2:c\n3:d\n")
    ids = np.kron(np.random.default_rng(0).integers(0, 3, (6, 8)), np.ones((8, 8))).astype(np.uint8)
    put(tmp_path / "maps/a.png", ids)
    put(tmp_path / "masks/a.png", ids + 1)
    arguments = (
        "evaluate",
        "--predictions",
        tmp_path / "maps",
        tmp_path / "masks",
        "--classes",
        tmp_path / "classes.txt",
    )
    outcome = hypseg(*arguments, "--out", tmp_path / "out", "--quiet")
    assert outcome.code == 0, outcome.stderr
    last = outcome.stderr.strip().splitlines()[-1]
    assert last.startswith("hypseg: 0.0 % of the labelled pixels agree with the predictions, and 100.0 % would if")
    assert "--map that holds the lines 0:void, 1:0, 2:1 and so on to 4:3; or," in last
    assert "--prediction-map that holds the lines 0:1, 1:2, 2:3" in last
    assert report_of(tmp_path / "out")["warnings"] == [last.removeprefix("hypseg: ")]
    assert "the ids look off by one" in (tmp_path / "out/report.html").read_text()

    (tmp_path / "map.txt").write_text("1:0\n2:1\n3:2\n")
    outcome = hypseg(*arguments, "--out", tmp_path / "good", "--map", tmp_path / "map.txt")
    assert "off by one" not in outcome.stderr
    assert report_of(tmp_path / "good")["warnings"] == []
    assert "Warning" not in (tmp_path / "good/report.html").read_text()


def test_masks_that_were_not_turned_with_their_photographs(hypseg: Hypseg, tmp_path: Path) -> None:
    """By an EXIF orientation that leaves the size as it is."""
    (tmp_path / "classes.txt").write_text("0:a\n1:b\n2:c\n")
    ids = np.kron(np.random.default_rng(0).integers(0, 3, (6, 8)), np.ones((8, 8))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 3
    photograph(tmp_path / "images/a.png", size=(64, 48))
    Image.open(tmp_path / "images/a.png").save(tmp_path / "images/a.png", exif=exif)
    put(tmp_path / "maps/a.png", ids)
    for name, mask, warnings in (("stored", np.rot90(ids, 2), 1), ("upright", ids, 0)):
        put(tmp_path / f"{name}/a.png", mask.copy())
        arguments = ("--predictions", tmp_path / "maps", tmp_path / "images", tmp_path / name)
        options = ("--classes", tmp_path / "classes.txt", "--out", tmp_path / f"out of {name}")
        outcome = hypseg("evaluate", *arguments, *options)
        assert outcome.code == 0, outcome.stderr
        found = report_of(tmp_path / f"out of {name}")["warnings"]
        assert len(found) == warnings
        assert all("1 photograph turned upright by EXIF or XMP" in sentence for sentence in found)


def test_label_maps_in_the_place_of_masks_are_doubted(hypseg: Hypseg, data: Path, checkpoint: Path) -> None:
    """A run's labels scored against themselves, or arguments exchanged."""
    hypseg("predict", data / "images", "--checkpoint", checkpoint, "--out", data / "own", "--save", "labels")
    outcome = hypseg("evaluate", data / "images", data / "own/labels", "--checkpoint", checkpoint)
    assert outcome.code == 0, outcome.stderr
    assert "they are a network's answers, and to agree with them says nothing of being right" in outcome.stderr
