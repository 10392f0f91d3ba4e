"""`hypseg train`: the way people try it, a handful of images and one epoch."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, Outcome, make_checkpoint, photograph
from support.labelled_runs import annotate, blobs, make_run
from support.layouts import make_cityscapes, make_coco_stuff_10k, make_voc, put_image, put_mask

from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.training import loop
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.validate import Scores, Validation

SMALL = ("--epochs", 1, "--batch-size", 2, "--crop", 64, 64, "--workers", 0, "--backbone", "mobilenet_v3_small")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four images and masks with two classes."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for number in range(4 if split == "train" else 1):
            photograph(folder / split / "images" / f"{number}.jpg", seed=number)
            (folder / split / "masks").mkdir(parents=True, exist_ok=True)
            mask = Image.fromarray(rng.integers(0, 2, (6, 8), dtype=np.uint8))
            mask.resize((64, 48), Image.Resampling.NEAREST).save(folder / split / "masks" / f"{number}.png")
    (folder / "classes.txt").write_text("0:near\n1:far\n")
    return folder


def test_the_checkpoint_it_writes_can_be_used_at_once(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    outcome = hypseg("train", "--data", data, "--out", run, *SMALL, "--embedding-size", 3, "--curvature", 0.5)
    assert outcome.code == 0
    assert re.fullmatch(rf"trained: {re.escape(str(run))}/best\.safetensors, mIoU \d+\.\d % on val\n", outcome.stdout)
    assert "\nthat score is of 1 image, and rough: score others" in outcome.stderr
    assert f"\nnext: hypseg predict IMAGES --checkpoint {run}/best.safetensors --out MAPS\n" in outcome.stderr
    counted = "4 images with masks to train on, 1 to validate on"
    assert outcome.stderr.startswith(f"looking at every file in {data}\n{counted}\nstarts from random weights\n")
    assert re.search(r"^epoch 1/1  loss \d+\.\d{3}  mIoU \d+\.\d\d  AUROC \d\.\d{3}  best$", outcome.stderr, re.M)
    assert all(len(line) <= 80 for line in outcome.stderr.splitlines() if "mIoU" in line)
    header = json.loads(hypseg("info", run / "best.safetensors", "--json").stdout)
    assert header["model"]["curvature"] == 0.5
    assert header["model"]["embedding_size"] == 3
    assert header["provenance"]["recipe"]["epochs"] == 1
    for name in ("best.safetensors", "state.pt"):
        out = tmp_path / f"out-{name}"
        arguments = ("predict", data / "val/images", "--out", out, "--checkpoint", run / name, "--quiet")
        assert hypseg(*arguments).code == 0
        with Image.open(out / "labels/0.png") as image:
            assert set(np.unique(np.asarray(image))) <= {0, 1}


def test_only_a_checkpoint_that_is_there_is_named(
    hypseg: Hypseg, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No validation gave a number, so no epoch was the best."""
    nan = Scores(*[float("nan")] * len(Scores._fields))
    monkeypatch.setattr(loop, "validate", lambda *_, **__: Validation(nan, None))
    outcome = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL)
    assert outcome.stdout == f"trained: {tmp_path / 'run' / 'last.safetensors'}\n"
    assert not (tmp_path / "run" / "best.safetensors").exists()


@pytest.mark.parametrize(
    ("backbone", "decoder"),
    [("timm:test_efficientnet", "deeplab"), ("timm:pvt_v2_b0", "deeplab"), ("timm:pvt_v2_b0", "mlp")],
)
def test_a_network_of_timm_s_learns_and_predicts_in_windows_too(
    hypseg: Hypseg, data: Path, tmp_path: Path, backbone: str, decoder: str
) -> None:
    network = ("--backbone", backbone, "--decoder", decoder)
    assert hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL, *network).code == 0
    photograph(tmp_path / "odd.png", size=(171, 145))
    for tile in ("off", 128):
        out = tmp_path / f"out-{tile}"
        checkpoint = ("--checkpoint", tmp_path / "run" / "best.safetensors", "--tile", tile)
        assert hypseg("predict", tmp_path / "odd.png", "--out", out, *checkpoint).code == 0
        with Image.open(out / "labels" / "odd.png") as image:
            assert image.size == (171, 145)
    assert backbone in hypseg("info", tmp_path / "run" / "best.safetensors").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--epochs", 0), 2, "--epochs"),
        (("--crop", 60, 64), 2, "--crop: "),
        (("--backbone", "vgg"), 2, "--backbone: expected resnet18, "),
        (("--backbone", "timm:vgg"), 2, "--backbone timm:vgg: timm"),
        (("--decoder", "mlp"), 2, "decoder mlp joins the stages of one of timm's networks, not of mobilenet_v3_small"),
        (("--backbone", "timm:test_vit", "--decoder", "mlp"), 2, "16, 16, 16; --decoder mlp takes one of each of 4, 8"),
        (("--curvature", -1), 2, "--curvature"),
        (("--embedding-size", 1), 2, "--embedding-size"),
        (("--device", "tpu"), 2, "--device tpu"),
        (("--batch-size", 64), 1, "do not fill a batch"),
        (("--ignore-index", 1, "--data", "nowhere"), 1, "nowhere"),
        (("--crop", 64, 60), 2, "--crop: "),
        (("--set", "epochs=0", "--set", "seed=x"), 2, "--set seed: "),
        (("--set", "epoch=1"), 2, "there is no setting 'epoch'"),
        (("--config", "nowhere.toml"), 2, "nowhere.toml: cannot be read as TOML"),
        (("--held-out", "near,elsewhere"), 1, "held_out: elsewhere: no such class; there are near, far"),
        (("--init", "nowhere.pth"), 1, "nowhere.pth"),
        (("--sampling", "adaptive"), 2, "sampling adaptive needs a longest_side above 16"),
    ],
)
def test_what_cannot_be_trained_gets_a_sentence(
    hypseg: Hypseg, data: Path, tmp_path: Path, arguments: tuple[object, ...], code: int, sentence: str
) -> None:
    outcome = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL, *arguments)
    assert outcome.code == code
    assert sentence in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_folder_is_continued_only_on_request(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    arguments = ("train", "--data", data, "--out", tmp_path / "run", *SMALL)
    assert hypseg(*arguments).code == 0
    assert hypseg(*arguments).code == 2
    assert hypseg(*arguments, "--resume").code == 0
    assert hypseg(*arguments, "--resume", "--learning-rate", 0.1).code == 2


def test_a_run_goes_on_with_the_data_it_began_with(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    arguments = ("train", "--data", data, "--out", tmp_path / "run", *SMALL)
    assert hypseg(*arguments).code == 0
    photograph(data / "train/images/9.jpg", seed=9)
    (data / "train/masks/9.png").write_bytes((data / "train/masks/0.png").read_bytes())
    outcome = hypseg(*arguments, "--resume")
    assert outcome.code == 2
    assert "train: 1 pair new (9)" in outcome.stderr


@pytest.mark.parametrize("kind", ["voc", "cityscapes", "coco-stuff"])
def test_a_set_is_trained_on_as_it_unpacks(hypseg: Hypseg, tmp_path: Path, kind: str) -> None:
    """Two steps and a validation, with its ids, its tree, and for VOC masks of SBD in MATLAB files."""
    data, run = tmp_path / "data", tmp_path / "run"
    if kind == "voc":
        root = make_voc(data / "VOC2012", {"a": (0, 15, 255), "b": (0, 7)}, {"c": (0, 15)}, images=["d", "e"])
        for name in "cde":
            put_mask(data / f"benchmark_RELEASE/dataset/cls/{name}.mat", (0, 20))
        inner, images, classes = "household", root / "JPEGImages", 21
    elif kind == "cityscapes":
        root = make_cityscapes(data, (7, 26, 0), (7, 8))
        put_mask(root / "gtFine/train/aachen/x_gtFine_labelIds.png", (33,))
        put_image(root / "leftImg8bit/train/aachen/x_leftImg8bit.png")
        inner, images, classes = "vehicle", root / "leftImg8bit/val", 19
    else:
        root = make_coco_stuff_10k(data, (0, 1, 182))
        inner, images, classes = "stuff", root / "images", 171
    outcome = hypseg("train", "--data", data, "--out", run, *SMALL)
    assert outcome.code == 0, outcome.stderr
    assert "epoch 1/1" in outcome.stderr
    assert ("2 images have masks of SBD; 1 of val" in outcome.stderr) == (kind == "voc")
    header = json.loads(hypseg("info", run / "best.safetensors", "--json").stdout)
    assert header["tree"]["classes"] == classes
    assert inner in header["tree"]["names"][classes:]
    assert header["model"]["softmax"] == "hierarchical"
    arguments = ("--out", tmp_path / "out", "--checkpoint", run / "best.safetensors", "--quiet")
    assert hypseg("predict", images, *arguments).code == 0


def test_a_set_that_misses_a_part_gets_a_sentence(hypseg: Hypseg, tmp_path: Path) -> None:
    (tmp_path / "leftImg8bit" / "train").mkdir(parents=True)
    outcome = hypseg("train", "--data", tmp_path, "--out", tmp_path / "run", *SMALL)
    assert outcome.code == 1
    assert "gtFine: is missing" in outcome.stderr
    assert "unpack gtFine_trainvaltest.zip" in outcome.stderr
    make_voc(tmp_path / "VOC2012", {"a": (0,)}, {"b": (0,)})
    outcome = hypseg("train", "--data", tmp_path, "--out", tmp_path / "run", *SMALL)
    assert "name the one that is meant, such as --layout voc" in outcome.stderr


def shown(outcome: Outcome) -> dict[str, object]:
    assert outcome.code == 0
    return tomllib.loads(outcome.stdout)


def test_options_go_before_set_before_the_file_before_the_defaults(hypseg: Hypseg, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('epochs = 7\nseed = 7\nbatch_size = 7\nhead = "euclidean"\n')
    arguments = ("train", "--config", path, "--show-config", "--set", "epochs=8", "--set", "seed=8", "--epochs", 9)
    found = shown(hypseg(*arguments))
    defaults = shown(hypseg("train", "--show-config"))
    changed = {"epochs": 9, "seed": 8, "batch_size": 7, "head": "euclidean"}
    assert found == defaults | changed
    assert defaults == TrainConfig().model_dump(mode="json")
    assert not (tmp_path / "run").exists()


def test_every_option_is_a_setting(hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch) -> None:
    """And does what it says: each changes its own setting, and no other."""
    given: dict[str, tuple[object, ...]] = {
        "backbone": ("resnet50",), "output_stride": (8,), "embedding_size": (2,), "head": ("euclidean",),
        "curvature": (0.5,), "softmax": ("flat",), "init": ("imagenet",), "epochs": (1,), "batch_size": (2,),
        "preset": ("100", "--init", "imagenet"), "patience": (3,), "no_calibration": (),
        "crop": (64, 96), "learning_rate": (0.5,), "class_weights": ("none",), "radius_weight": (0.25,),
        "precision": ("bf16",), "seed": (3,), "ignore_index": (7,), "longest_side": (99,), "held_out": ("a, b",),
        "map": ("m",), "mask_colors": ("n",), "unlabelled": ("u",), "image_suffix": ("_i",), "mask_suffix": ("_m",),
        "layout": ("voc",), "colors": ("c",), "background": ("e",), "licence": ("d",), "validate_every": (4,),
        "workers": (0,), "tensorboard": (),
        "sampling": ("adaptive", "--longest-side", 99), "decoder": ("mlp", "--backbone", "timm:pvt_v2_b0"),
    }  # fmt: skip
    together = {
        "crop": {"crop_height", "crop_width"}, "decoder": {"decoder", "backbone"},
        "sampling": {"sampling", "longest_side"}, "preset": {"preset", "init"}, "no_calibration": {"calibration"},
    }  # fmt: skip
    monkeypatch.setenv("COLUMNS", "200")
    own = {
        "data",
        "out",
        "config",
        "set",
        "show_config",
        "device",
        "resume",
        "quiet",
        "help",
        "no_tensorboard",
        "calibration",
    }
    options = re.findall(r"--([a-z][a-z-]+)", hypseg("train", "--help").stdout)
    assert {name.replace("-", "_") for name in options} - own == set(given)
    for name, values in given.items():
        found = shown(hypseg("train", "--show-config", f"--{name.replace('_', '-')}", *values))
        changed = {key for key, value in TrainConfig().model_dump(mode="json").items() if found[key] != value}
        assert changed == together.get(name, {name})
    assert (found["crop_height"], found["held_out"]) == (240, [])
    assert shown(hypseg("train", "--show-config", "--held-out", "a, b"))["held_out"] == ["a", "b"]
    assert shown(hypseg("train", "--show-config", "--crop", 64, 96))["crop_width"] == 96


def flat_folder(data: Path, folder: Path, images: int) -> Path:
    """So many copies of the data's images and masks, in one folder without val/."""
    for number in range(images):
        for kind, suffix in (("images", "jpg"), ("masks", "png")):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            source = data / "train" / kind / f"{number % 4}.{suffix}"
            (folder / kind / f"{number}.{suffix}").write_bytes(source.read_bytes())
    (folder / "classes.txt").write_bytes((data / "classes.txt").read_bytes())
    return folder


def test_a_checkpoint_brings_the_preset_of_as_many_images(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    """Which is seen, and gives way to any option."""
    few, many = flat_folder(data, tmp_path / "few", 10), flat_folder(data, tmp_path / "many", 100)
    show = ("train", "--show-config", "--init", "streets")
    assert (shown(hypseg(*show))["preset"], shown(hypseg(*show))["epochs"]) == ("10", 30)
    found = shown(hypseg(*show, "--data", many))
    assert (found["preset"], found["patience"], found["batch_size"]) == ("100", 5, 8)
    found = shown(hypseg(*show, "--data", few, "--preset", 1000, "--epochs", 9, "--set", "patience=1"))
    assert (found["preset"], found["patience"], found["epochs"], found["head_epochs"]) == ("1000", 1, 9, 1)
    assert shown(hypseg(*show, "--data", few))["preset"] == "10"
    assert shown(hypseg("train", "--show-config", "--data", many))["preset"] == "auto"
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('init = "streets"\nepochs = 7\n')
    assert shown(hypseg("train", "--show-config", "--config", recipe))["backbone"] == "resnet18"
    recipe.write_text('init = "streets"\nepochs = 7\npreset = 100\n')
    found = shown(hypseg("train", "--show-config", "--config", recipe))
    assert (found["epochs"], found["backbone"], found["patience"]) == (7, "efficientnet_lite2", 5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--preset", 10), "preset 10 needs init: it is how a training goes on from a checkpoint"),
        (("--init", "streets", "--preset", 50), "--preset: expected auto, 10, 100 or 1000, found '50'"),
        (("--init", "streets", "--set", "patience=-1"), "--set patience: expected a whole number from 0 on"),
    ],
)
def test_a_preset_that_cannot_be(hypseg: Hypseg, arguments: tuple[object, ...], sentence: str) -> None:
    outcome = hypseg("train", "--show-config", *arguments)
    assert outcome.code == 2
    assert sentence in outcome.stderr


def test_from_a_checkpoint_to_a_better_one_and_the_proof(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    """In one line; what shows whether it helped, is printed ready to be run."""
    tree = ClassTree(names=("near", "sky", "far", "ground"), parents=(3, -1, 3, -1), classes=3)
    start = make_checkpoint(tmp_path / "my start.safetensors", tree, backbone="mobilenet_v3_small")
    folder, run = flat_folder(data, tmp_path / "corrected", 10), tmp_path / "a run"
    small = ("--crop", 64, 64, "--workers", 0, "--epochs", 1)
    outcome = hypseg("train", "--init", start, "--data", folder, "--out", run, *small)
    assert outcome.code == 0, outcome.stderr
    assert (
        "8 images with masks to train on, 2 to validate on\npreset 10, as for 10 images (8 here): 1 epoch of 2 steps"
        in (outcome.stderr)
    )
    for told in (
        "kept of my start.safetensors, by name: 3 of 3 rows of the classifier (near, far, ground)\n",
        "not taken over, for nothing here is called so: sky\n",
        "as far as these classes are in it (ground); --softmax flat leaves it out\n",
        "no calibration was fitted: 2 images to validate on are too few, of which it takes 4",
        f"{start} cannot be scored on these masks, for its classes are others: there is no before\n",
    ):
        assert told in outcome.stderr
    again = hypseg("train", "--init", run / "best.safetensors", "--data", folder, "--out", tmp_path / "next", *small)
    assert again.code == 0, again.stderr
    assert "starts from all " in again.stderr
    commands = re.findall(r"^  hypseg (.*)$", again.stderr, re.M)
    assert [command.split()[0] for command in commands] == ["evaluate", "evaluate", "compare"]
    outcomes = [hypseg(*shlex.split(command)) for command in commands]
    assert [each.code for each in outcomes] == [0, 0, 0], outcomes
    assert "2 images; B - A with 95 % intervals" in outcomes[-1].stdout
    (folder / "classes.txt").write_text("0:bread\n1:jam\n")
    other = hypseg("train", "--init", start, "--data", folder, "--out", tmp_path / "other", *small)
    assert "my start.safetensors knows none of these names: bread, jam; it knows " in other.stderr


def printed(outcome: Outcome) -> list[list[str]]:
    """The commands that show whether a training helped."""
    assert outcome.code == 0, outcome.stderr
    return [shlex.split(command) for command in re.findall(r"^  hypseg (.*)$", outcome.stderr, re.M)]


def test_the_proof_means_the_same_wherever_a_training_goes_on(
    hypseg: Hypseg, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though another checkpoint and another map have the names there that it was started with, or none has."""
    folder = flat_folder(data, tmp_path / "corrected", 10)
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        make_checkpoint(tmp_path / place / "a.safetensors", flat_tree(("near", "far")), backbone="mobilenet_v3_small")
        (tmp_path / place / "map.txt").write_text("7:void\n")
    monkeypatch.chdir(tmp_path / "here")
    small = ("--crop", 64, 64, "--workers", 0, "--epochs", 1, "--map", "map.txt")
    first = printed(hypseg("train", "--init", "a.safetensors", "--data", folder, "--out", "run", *small))
    named = {option: first[0][first[0].index(option) + 1] for option in ("--checkpoint", "--map")}
    assert named == {"--checkpoint": "a.safetensors", "--map": "map.txt"}
    monkeypatch.chdir(tmp_path / "there")
    for _ in range(2):
        commands = printed(hypseg("train", "--out", "../here/run", "--resume"))
        named = {option: commands[0][commands[0].index(option) + 1] for option in ("--checkpoint", "--map")}
        assert {Path(path) for path in named.values()} == {tmp_path / "here/a.safetensors", tmp_path / "here/map.txt"}
        (tmp_path / "there/a.safetensors").unlink(missing_ok=True)
    assert [hypseg(*command).code for command in commands] == [0, 0, 0]


def test_the_proof_scores_as_the_training_did(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    """Of images that are shrunk, and sampled as each of both networks has learned to see them."""
    folder, tree = flat_folder(data, tmp_path / "corrected", 10), flat_tree(("near", "far"))
    start = make_checkpoint(tmp_path / "start.safetensors", tree, backbone="mobilenet_v3_small")
    small = ("--crop", 64, 64, "--workers", 0, "--epochs", 1, "--sampling", "adaptive", "--longest-side", 40)
    run = tmp_path / "run"
    outcome = hypseg("train", "--init", start, "--data", folder, "--out", run, *small)
    commands = printed(outcome)
    assert ["adaptive" in command for command in commands] == [False, True, False]
    assert f"next: hypseg predict IMAGES --checkpoint {run}/best.safetensors --out MAPS --sampling" in outcome.stderr
    assert [hypseg(*command).code for command in commands] == [0, 0, 0]
    (row,) = csv.DictReader((run / "log.csv").read_text().splitlines())
    scored = json.loads((run / "after/report.json").read_text())["summary"]["miou"]["value"]
    assert scored == pytest.approx(float(row["mean_iou"]), abs=1e-5)


def test_the_proof_of_what_a_labelling_tool_exported(hypseg: Hypseg, tmp_path: Path) -> None:
    """Which cannot be cut: of its images those count that the printed commands list."""
    names = ("background", "nucleus")
    exported = make_run(tmp_path / "run", names, {f"s/{key}": blobs(2, seed=key) for key in range(10)})
    folder = tmp_path / "its data"
    shutil.copytree(tmp_path / "run/photos", folder / "images")
    annotate(exported, "coco", file=folder / "masks.json")
    start = make_checkpoint(tmp_path / "start.safetensors", flat_tree(names), backbone="mobilenet_v3_small")
    rest = ("--unlabelled", "background")
    small = ("--crop", 64, 64, "--workers", 0, "--epochs", 1)
    outcome = hypseg("train", "--init", start, "--data", folder, "--out", tmp_path / "next", *small, *rest)
    assert outcome.code == 0, outcome.stderr
    commands = re.findall(r"^  hypseg (.*)$", outcome.stderr, re.M)
    outcomes = [hypseg(*shlex.split(command)) for command in commands]
    assert [each.code for each in outcomes] == [0, 0, 0], outcomes
    assert f"{folder / 'masks.json'}: left out: 8 images that are not listed, such as s/" in outcomes[0].stderr
    assert "2 images; B - A with 95 % intervals" in outcomes[-1].stdout


def test_where_there_is_no_proof_that_is_said(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    """Two images of one name in different folders are one in a list."""
    for kind in ("images", "masks"):
        first = sorted((data / "val" / kind).iterdir())[0]
        (data / "val" / kind / "sub").mkdir()
        shutil.copy(first, data / "val" / kind / "sub")
    names = tuple(line.split(":")[1] for line in (data / "classes.txt").read_text().split())
    start = make_checkpoint(tmp_path / "start.safetensors", flat_tree(names), backbone="mobilenet_v3_small")
    arguments = ("--data", data, "--out", tmp_path / "run", "--crop", 32, 32, "--workers", 0, "--epochs", 1)
    outcome = hypseg("train", "--init", start, *arguments, "--batch-size", 2)
    assert outcome.code == 0, outcome.stderr
    assert "no commands tell whether it helped, for no list names the images to validate on" in outcome.stderr
    assert not (tmp_path / "run/val-images.txt").exists()


@pytest.mark.parametrize("missing", ["--data", "--out"])
def test_what_is_needed_is_named(hypseg: Hypseg, tmp_path: Path, missing: str) -> None:
    other = "--out" if missing == "--data" else "--data"
    outcome = hypseg("train", other, tmp_path)
    assert outcome.code == 2
    assert f"{missing} is missing" in outcome.stderr


def test_ten_images_and_one_epoch_with_the_defaults(hypseg: Hypseg, tmp_path: Path, camvid: Path) -> None:
    """The way people try it: real photographs, and nothing said that need not be."""
    data = tmp_path / "ten"
    for split, count in (("train", 10), ("val", 2)):
        for kind in ("images", "masks"):
            (data / split / kind).mkdir(parents=True)
            for path in sorted((camvid / split / kind).iterdir())[:count]:
                (data / split / kind / path.name).symlink_to(path)
    for name in ("classes.txt", "hierarchy.json"):
        (data / name).symlink_to(camvid / name)
    outcome = hypseg("train", "--data", data, "--out", tmp_path / "run", "--epochs", 1, "--ignore-index", 11)
    assert outcome.code == 0
    assert "train: no mask has a pixel to be learned of fence\n" in outcome.stderr  # as it happens
    with Image.open(tmp_path / "run" / "pictures" / "epoch-0001.png") as picture:
        assert picture.height > 300


def in_color(folder: Path) -> None:
    for path in folder.glob("*/masks/*.png"):
        with Image.open(path) as image:
            ids = np.array(image)
        Image.fromarray(np.array([(0, 0, 0), (255, 0, 0)], np.uint8)[ids]).save(path)


def test_masks_in_colour(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    in_color(data)
    refused = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL)
    assert refused.code == 1
    assert "--mask-colors" in refused.stderr
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nnear:0,0,0::\nfar:255,0,0::\nego:1,1,1::\n"
    )
    colors = ("--mask-colors", tmp_path / "labelmap.txt")
    trained = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL, *colors)
    assert trained.code == 0, trained.stderr
    assert "ego: no class is called so, so that its colour is void" in trained.stderr
    checkpoint = ("--checkpoint", tmp_path / "run/best.safetensors")
    scored = hypseg("evaluate", data / "val/images", data / "val/masks", *checkpoint, *colors)
    assert scored.code == 0, scored.stderr
    assert "ego: no class" in scored.stderr
    out = ("--out", tmp_path / "calibrated.safetensors", "--name", "t")
    calibrated = hypseg("calibrate", data / "val/images", data / "val/masks", *checkpoint, *colors, *out)
    assert calibrated.code == 0, calibrated.stderr
    (tmp_path / "map.txt").write_text("0:1\n")
    both = hypseg(
        "evaluate", data / "val/images", data / "val/masks", *checkpoint, *colors, "--map", tmp_path / "map.txt"
    )
    assert both.code == 2
    assert "--mask-colors" in both.stderr
    assert "--map" in both.stderr


def test_black_and_white_masks_are_translated(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    for path in data.glob("*/masks/*.png"):
        with Image.open(path) as image:
            ids = np.array(image)
        Image.fromarray(ids * np.uint8(255)).save(path)
    refused = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL)
    assert refused.code == 1
    assert "saved as black and white; translate ids with a file for --map that holds the line 255:1" in refused.stderr
    (tmp_path / "map.txt").write_text("255:1\n")
    trained = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL, "--map", tmp_path / "map.txt")
    assert trained.code == 0, trained.stderr
    header = json.loads(hypseg("info", tmp_path / "run/best.safetensors", "--json").stdout)
    assert header["provenance"]["recipe"]["map"] == str(tmp_path / "map.txt")


def test_names_with_endings_and_what_is_left_out(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    for path in data.glob("*/masks/*.png"):
        path.rename(path.with_name(f"{path.stem}_ids.png"))
    for path in data.glob("*/images/*.jpg"):
        path.rename(path.with_name(f"{path.stem}_rgb.jfif"))
    (data / "train/images/day2").mkdir()
    (data / "train/images/3_rgb.jfif").rename(data / "train/images/day2/3_rgb.jfif")
    (data / "train/masks/day2").mkdir()
    (data / "train/masks/3_ids.png").rename(data / "train/masks/day2/3_ids.png")
    (data / "train/masks/notes.txt").write_text("three")
    photograph(data / "val/masks/preview.png", seed=9)
    endings = ("--image-suffix", "_rgb", "--mask-suffix", "_ids")
    outcome = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL, *endings)
    assert outcome.code == 0, outcome.stderr
    assert "4 images with masks to train on, 1 to validate on" in outcome.stderr
    assert f"{data / 'train/masks'}: left out: 1 file, no pictures (1 .txt)" in outcome.stderr
    assert f"{data / 'val/masks'}: left out: 1 file whose name does not end in _ids" in outcome.stderr
    scored = hypseg(
        "evaluate",
        data / "train/images",
        data / "train/masks",
        "--checkpoint",
        tmp_path / "run/best.safetensors",
        *endings,
    )
    assert scored.code == 0, scored.stderr
    assert f"{data / 'train/masks'}: left out: 1 file, no pictures (1 .txt)" in scored.stderr
    quiet = hypseg(
        "evaluate", data / "train/images", data / "train/masks", "--checkpoint", tmp_path / "run/best.safetensors",
        *endings, "--quiet",
    )  # fmt: skip
    assert "left out" not in quiet.stderr


def test_known_sets_need_no_map(hypseg: Hypseg, tmp_path: Path) -> None:
    make_voc(tmp_path, {"a": [0, 1]}, {"b": [0, 1]})
    (tmp_path / "map.txt").write_text("255:1\n")
    outcome = hypseg("train", "--data", tmp_path, "--out", tmp_path / "run", "--map", tmp_path / "map.txt")
    assert outcome.code == 1
    assert "is laid out as voc, of which names and ids of the masks are known; leave --map" in outcome.stderr


def test_a_finished_run_goes_on_with_nothing_but_its_name(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    run = ("--out", tmp_path / "run")
    assert hypseg("train", "--data", data, *run, *SMALL, "--seed", 5).code == 0
    assert "1/1" in hypseg("train", "--data", data, "--out", tmp_path / "other", *SMALL).stderr
    assert hypseg("train", *run, "--resume").code == 0, "there is nothing left to do"
    outcome = hypseg("train", *run, "--resume", "--epochs", 2)
    assert outcome.code == 0, outcome.stderr
    assert "goes on after epoch 1" in outcome.stderr
    assert "epoch 2/2" in outcome.stderr
    recipe = json.loads(hypseg("info", tmp_path / "run/last.safetensors", "--json").stdout)["provenance"]["recipe"]
    assert (recipe["epochs"], recipe["seed"]) == (2, 5)
    assert len((tmp_path / "run/log.csv").read_text().splitlines()) == 3
    fewer = hypseg("train", *run, "--resume", "--epochs", 1)
    assert fewer.code == 2
    assert "has 2 epochs already, --epochs 1 are fewer" in fewer.stderr
    nowhere = hypseg("train", "--out", tmp_path / "nowhere", "--resume")
    assert nowhere.code == 2
    assert "--data" in nowhere.stderr


def launch(count: int, restarts: int, *arguments: object) -> subprocess.Popen[str]:
    """Start `hypseg` in several processes, as people do it."""
    launcher = ("torch.distributed.run", "--nproc-per-node", count, "--max-restarts", restarts)
    command = [sys.executable, "-m", *launcher, "-m", "hypsegcli", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        list(map(str, command)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def workers_of(launcher: int) -> list[int]:
    """The processes that one has started, by their numbers."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return [int(child) for child in children if b"hypsegcli" in Path(f"/proc/{child}/cmdline").read_bytes()]


def end(launched: subprocess.Popen[str]) -> None:
    """Leave nothing of it, however far it has come."""
    if launched.poll() is None:
        workers = workers_of(launched.pid)
        launched.kill()
        launched.communicate()
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


def kill_one(launched: subprocess.Popen[str], once: Path) -> float:
    """Kill the last process that a launcher has started, once there is a file; when that was."""
    for _ in range(900):
        if once.exists() or launched.poll() is not None:
            break
        time.sleep(0.1)
    os.kill(max(workers_of(launched.pid)), signal.SIGKILL)
    return time.monotonic()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes as Linux shows them")
def test_torchrun_trains_and_a_process_that_is_killed_ends_all(hypseg: Hypseg, data: Path, tmp_path: Path) -> None:
    """torchrun starts them once more, which goes on; after the second time, in one process."""
    run = tmp_path / "run"
    launched = launch(2, 1, "train", "--data", data, "--out", run, *SMALL[2:], "--epochs", 500, "--resume")
    try:
        kill_one(launched, run / "pictures/epoch-0002.png")
        killed = kill_one(launched, run / "pictures/epoch-0004.png")
        stdout, stderr = launched.communicate(timeout=60)
    finally:
        end(launched)
    assert time.monotonic() - killed < 60
    assert launched.returncode != 0
    assert stdout == ""
    assert stderr.count("4 images with masks to train on, 1 to validate on\n2 processes share each batch of 2\n") == 2
    assert stderr.count("epoch 1/500") == 1
    assert re.search(r"^goes on after epoch [1-3]$", stderr, re.M)
    sentences = re.findall(r"^hypseg: .*", stderr, re.M)
    assert len(sentences) == 2
    for sentence in sentences:
        assert "--resume" in sentence
        assert "another of the 2 processes" in sentence or "interrupted" in sentence
    done = len((run / "log.csv").read_text().splitlines()) - 1
    outcome = hypseg("train", "--out", run, "--resume", "--epochs", done + 1, "-q")
    assert outcome.code == 0, outcome.stderr
    assert len((run / "log.csv").read_text().splitlines()) == done + 2


def test_what_several_processes_cannot_do_is_refused(
    hypseg: Hypseg, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    outcome = hypseg("train", "--data", data, "--out", tmp_path / "run", *SMALL)
    assert outcome.code == 2
    assert outcome.stderr.startswith("hypseg: RANK=0 and WORLD_SIZE=2 say that this is one of 2 processes, but MASTER_")
    assert not (tmp_path / "run").exists()
