"""`hypseg train`: the way people try it, a handful of images and one epoch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, photograph

SMALL = ("--epochs", 1, "--batch-size", 2, "--crop", 64, 64, "--workers", 0, "--backbone", "mobilenet_v3_large")


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
    assert str(run / "best.safetensors") in outcome.stdout
    assert "epoch 1/1" in outcome.stderr
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


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--epochs", 0), 2, "--epochs"),
        (("--crop", 60, 64), 2, "--crop: "),
        (("--backbone", "vgg"), 2, "--backbone"),
        (("--curvature", -1), 2, "--curvature"),
        (("--embedding-size", 1), 2, "--embedding-size"),
        (("--device", "tpu"), 2, "--device tpu"),
        (("--batch-size", 64), 1, "do not fill a batch"),
        (("--ignore-index", 1, "--data", "nowhere"), 1, "nowhere"),
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
    assert "training images" in outcome.stderr
