"""`hypseg cluster`, as a user meets it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, make_checkpoint, manifest, photograph
from support.tiny_data import make_data

from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.hierarchy.tree import flat_tree, read_class_names

QUICK = ("--init", "random", "--epochs", 1, "--set", "embedding_size=4", "--set", "workers=0")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four photographs, one of them in a folder of its own."""
    for seed, name in enumerate(("a", "b", "c", "sub/d")):
        photograph(tmp_path / "photos" / f"{name}.png", seed=seed)
    return tmp_path / "photos"


def test_from_photographs_to_clusters_that_can_be_named(hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "first"
    outcome = hypseg("cluster", images, "--clusters", 3, "--out", out, *QUICK)
    assert outcome.code == 0, outcome.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "clusters.png",
        "clusters.safetensors",
        "clusters.txt",
        "maps",
        "state.pt",
    ]
    assert "1 epoch of 1 step; views of 32 x 48 pixels; 3 clusters, and 15 in the second head" in outcome.stderr
    assert read_class_names(out / "clusters.txt") == ("cluster 0", "cluster 1", "cluster 2")
    header = read_header(out / "clusters.safetensors")
    assert header.provenance.recipe["clusters"] == 3
    # An ordinary run of predict, with its books.
    assert {line["status"] for line in manifest(out / "maps").values()} == {"done"}
    assert json.loads((out / "maps/run.json").read_text())["status"] == "finished"
    assert hypseg("verify", out / "maps").code == 0
    for key in ("a", "sub/d"):
        with Image.open(out / "maps/labels" / f"{key}.png") as image:
            assert set(np.unique(np.asarray(image))) <= {0, 1, 2}
    # And an ordinary checkpoint.
    assert hypseg("info", out / "clusters.safetensors").code == 0
    again = ("predict", images, "--checkpoint", out / "clusters.safetensors", "--out", tmp_path / "again")
    assert hypseg(*again, "--save", "labels").code == 0
    one, other = (folder / "labels/a.png" for folder in (out / "maps", tmp_path / "again"))
    assert one.read_bytes() == other.read_bytes()


def test_several_processes_are_refused(
    hypseg: Hypseg, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torchrun starts them; the first says it."""
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "x", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    for index, begins in (
        (0, "hypseg: hypseg cluster runs in one process, and this is one of 2: hypseg train"),
        (1, ""),
    ):
        monkeypatch.setenv("RANK", str(index))
        monkeypatch.setenv("LOCAL_RANK", str(index))
        outcome = hypseg("cluster", images, "--clusters", 3, "--out", tmp_path / "out", *QUICK)
        assert outcome.code == 2
        assert outcome.stderr.startswith(begins)
        assert bool(outcome.stderr) == bool(begins)
    assert not (tmp_path / "out").exists()


def test_a_training_starts_from_it(hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    """With the cluster maps themselves as masks, and the names of a person as classes."""
    out, data = tmp_path / "first", tmp_path / "data"
    assert hypseg("cluster", images, "--clusters", 2, "--out", out, *QUICK).code == 0
    shutil.copytree(images, data / "images")
    shutil.copytree(out / "maps/labels", data / "masks")
    for path in (data / "masks").rglob("*.png"):  # chance may have left a cluster empty
        with Image.open(path) as image:
            ids = np.array(image)
        ids[:8], ids[-8:] = 0, 1
        Image.fromarray(ids).save(path)
    (data / "classes.txt").write_text("0:ground\n1:sky\n")
    start = out / "clusters.safetensors"
    outcome = hypseg(
        "train", "--data", data, "--out", tmp_path / "run", "--init", start, "--epochs", 1, "--batch-size", 2,
        "--crop", 32, 32, "--set", "workers=0", "--set", "pictures=0",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    header = read_header(tmp_path / "run/best.safetensors")
    assert header.tree.names == ("ground", "sky")
    assert header.provenance.ancestors[0].trained_on == "4 images without masks, by clustering"


def test_resume_goes_on_and_keeps_what_a_person_wrote(hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "first"
    command = ("cluster", images, "--clusters", 2, "--out", out, *QUICK)
    assert hypseg(*command).code == 0
    made = {path: path.read_bytes() for path in out.rglob("*.png")}
    (out / "clusters.txt").write_text("0:ground\n1:sky\n")
    (out / "maps/labels/b.png").unlink()
    (out / "clusters.png").unlink()
    refused = hypseg(*command)
    assert refused.code != 0
    assert "--resume" in refused.stderr
    outcome = hypseg(*command, "--resume")
    assert outcome.code == 0, outcome.stderr
    assert "goes on after epoch 1" in outcome.stderr
    assert {path: path.read_bytes() for path in out.rglob("*.png")} == made
    assert read_class_names(out / "clusters.txt") == ("ground", "sky")


def test_maps_that_a_person_corrected_are_never_replaced(hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "first"
    command = ("cluster", images, "--clusters", 2, "--out", out, *QUICK)
    assert hypseg(*command).code == 0
    label = out / "maps/labels/sub/d.png"
    made = label.read_bytes()
    with Image.open(label) as image:
        ids = np.array(image)
    Image.fromarray(1 - ids).save(label)
    corrected = label.read_bytes()
    (out / "maps/overlay/b.png").unlink()  # as after a kill
    for options in (("--quiet",), ()):
        refused = hypseg(*command, "--resume", *options)
        assert (refused.code, "1 map changed since the books were written" in refused.stderr) == (2, True)
        assert "(labels/sub/d.png); move what is yours elsewhere, and --resume makes" in refused.stderr
        assert label.read_bytes() == corrected
    label.rename(tmp_path / "mine.png")
    assert hypseg(*command, "--resume").code == 0
    assert label.read_bytes() == made


def test_resume_needs_no_start_and_knows_photographs_by_key_and_content(
    hypseg: Hypseg, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start may be gone, the folder be called otherwise, and settings need not be said again."""
    monkeypatch.chdir(tmp_path)
    make_checkpoint(tmp_path / "start.safetensors", flat_tree(["sky", "road"]), backbone="resnet18_c4")
    learning = ("--init", "start.safetensors", *QUICK[2:])
    assert hypseg("cluster", "photos", "--clusters", 2, "--out", "first", *learning).code == 0
    made = {path: path.read_bytes() for path in (tmp_path / "first").rglob("*.png")}
    (tmp_path / "start.safetensors").unlink()
    images.rename(tmp_path / "pictures")
    for options in ((), ("--clusters", 2, *learning)):
        (tmp_path / "first/maps/labels/b.png").unlink()
        outcome = hypseg("cluster", tmp_path / "pictures", "--out", "first", *options, "--resume")
        assert outcome.code == 0, outcome.stderr
        assert {path: path.read_bytes() for path in (tmp_path / "first").rglob("*.png")} == made
    for other, name in ((("--clusters", 3), "clusters"), (("--init", "random"), "init")):
        refused = hypseg("cluster", tmp_path / "pictures", "--out", "first", *other, "--resume")
        assert (refused.code, f"different in {name}" in refused.stderr) == (2, True)


def test_an_image_that_cannot_be_read_fails_as_in_predict(hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    (images / "bad.png").write_bytes(b"no picture")
    outcome = hypseg("cluster", images, "--clusters", 2, "--out", tmp_path / "first", *QUICK)
    assert outcome.code == 3
    assert "1 image cannot be read" in outcome.stderr
    assert (tmp_path / "first/clusters.png").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--clusters", 1], "--clusters: expected a whole number from 2 to 1000, found 1"),
        (["--clusters", 3, "--set", "class_weights=none"], "is no setting of a clustering"),
        (["--clusters", 3, "--set", "clusters=4"], "is given as --clusters too"),
        (["--clusters", 3, "--set", "head=hyperbolic-reference"], "expected hyperbolic or euclidean"),
        (["--clusters", 3, "--set", "decoder=mlp", "--init", "random"], "decoder mlp joins the stages"),
        (["--clusters", 3, "--init", "nothing.safetensors"], "nothing.safetensors"),
        (["--clusters", 3, "--set", "backbone=resnet50"], "backbone"),
        ([], "--clusters is missing"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_and_leaves_nothing(
    hypseg: Hypseg, images: Path, tmp_path: Path, options: list[object], sentence: str
) -> None:
    outcome = hypseg("cluster", images, *options, "--out", tmp_path / "first")
    assert outcome.code in {1, 2}
    assert sentence in outcome.stderr
    assert not (tmp_path / "first").exists()


def test_an_output_folder_among_the_images_is_refused(hypseg: Hypseg, images: Path) -> None:
    outcome = hypseg("cluster", images, "--clusters", 3, "--out", images / "first", *QUICK)
    assert outcome.code == 2
    assert "lies in the input folder" in outcome.stderr
    assert not (images / "first").exists()


def test_the_settings_are_shown(hypseg: Hypseg) -> None:
    outcome = hypseg("cluster", "--show-config", "--clusters", 5)
    assert outcome.code == 0
    assert "\nclusters = 5  #" in f"\n{outcome.stdout}"
    assert "class_weights" not in outcome.stdout


def test_clusters_of_a_network_are_scored_as_classes(hypseg: Hypseg, tmp_path: Path) -> None:
    """Matched on some images, scored on others, and the same from label maps."""
    data = make_data(tmp_path / "data", train=4, val=3)
    out = tmp_path / "first"
    assert hypseg("cluster", data / "train/images", "--clusters", 5, "--out", out, *QUICK).code == 0
    named = ("--classes", data / "classes.txt", "--match")
    exactly = ("-c", out / "clusters.safetensors", "--precision", "fp32")
    running = (*exactly, *named)
    train, val = ((data / split / "images", data / split / "masks") for split in ("train", "val"))
    made = hypseg("evaluate", *train, *running, "majority", "--out", tmp_path / "t")
    assert made.code == 0, made.stderr
    assert "Clusters, matched by majority on these very images" in made.stdout
    scored = hypseg("evaluate", *val, *running, tmp_path / "t", "--out", tmp_path / "v")
    assert scored.code == 0, scored.stderr
    assert hypseg("predict", train[0], *exactly, "--out", tmp_path / "maps", "--save", "labels").code == 0
    stored = hypseg(
        "evaluate", "--predictions", tmp_path / "maps", train[1], *named, "majority", "--out", tmp_path / "s"
    )
    assert stored.code == 0, stored.stderr
    reports = {name: json.loads((tmp_path / name / "report.json").read_text()) for name in "tvs"}
    matched, of_maps = (reports[name]["match"]["clusters"] for name in "ts")
    assert [row["matched"] for row in matched] == [row["matched"] for row in of_maps]
    assert reports["t"]["match"]["checkpoint"] == reports["s"]["match"]["checkpoint"]
    # Where probabilities are asked for too, a handful of pixels may lie between two clusters otherwise.
    counts = (np.array(reports[name]["segmentation"]["confusion"]) for name in "ts")
    assert np.abs(np.subtract(*counts)).max() < 20
    assert reports["v"]["match"]["clusters"] == reports["t"]["match"]["clusters"]
    assert reports["v"]["match"]["made_by"] == str(tmp_path / "t")
    assert "Which class each cluster stands for" in (tmp_path / "v/report.html").read_text()


def test_nobody_s_files_are_written_over(hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    """Neither a photograph, nor what lies there already, nor the maps of a run."""
    own = photograph(tmp_path / "own" / "clusters.png")
    before = own.read_bytes()
    given = ("cluster", *sorted(images.glob("*.png")), "--clusters", 3, *QUICK)
    outcome = hypseg(*given[:4], own, *given[4:], "--out", own.parent)
    assert (outcome.code, "is one of the images; choose another --out" in outcome.stderr) == (2, True)
    outcome = hypseg(*given, "--out", own.parent, "--resume")
    assert (outcome.code, "no clustering has written it; choose another --out" in outcome.stderr) == (2, True)
    assert [path.name for path in own.parent.iterdir()] == ["clusters.png"]
    assert own.read_bytes() == before
    assert hypseg("predict", images, "--out", tmp_path / "run", "--save", "labels").code == 0
    outcome = hypseg(*given, "--out", tmp_path / "run")
    assert (outcome.code, "do not know of clusters; choose another --out" in outcome.stderr) == (2, True)
    assert hypseg("verify", tmp_path / "run").code == 0


def test_a_start_brings_its_network_but_no_head_that_clusters_cannot_have(
    hypseg: Hypseg, images: Path, tmp_path: Path
) -> None:
    many: dict[str, Any] = {"head": "prototypes", "softmax": "flat", "backbone": "mobilenet_v3_small"}
    start = make_checkpoint(tmp_path / "x.safetensors", flat_tree(["sky", "road"]), **many)
    shown = hypseg("cluster", images, "--clusters", 3, "--init", start, "--show-config")
    assert shown.code == 0, shown.stderr
    assert 'head = "hyperbolic"' in shown.stdout
    assert 'backbone = "mobilenet_v3_small"' in shown.stdout
