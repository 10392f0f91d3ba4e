"""The examples of the help: there are three a command, and they run."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import Hypseg, photograph
from support.clips import film
from support.exported import pretend_to_export
from support.quantised import pretend_to_quantise
from support.reviewed import reviewed
from support.served import pretend_to_serve
from torchvision.models import get_model

from hypsegcli.checkpoint.bundled import DISK, bundled_checkpoint
from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.cli.app import app
from hypsegcli.cli.examples import EXAMPLES


def test_every_command_has_three_and_its_help_shows_them(hypseg: Hypseg) -> None:
    assert set(EXAMPLES) == {"hypseg", *(command.name for command in app.registered_commands)}
    for name, examples in EXAMPLES.items():
        assert len(examples) == 3
        assert all(len(example) <= 78 for example in examples)
        text = hypseg(*([] if name == "hypseg" else [name]), "--help").stdout
        assert text.endswith("".join(f"  {example}\n" for example in examples))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples name: photographs, masks, a run."""
    monkeypatch.chdir(tmp_path)
    lines: dict[str, list[str]] = {"images": [], "masks": []}
    for seed in range(2):
        photograph(tmp_path / "photos" / f"{seed}.jpg", seed=seed)
        ids = np.random.default_rng(seed).integers(0, 2, (6, 8), dtype=np.uint8)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(ids.repeat(8, 0).repeat(8, 1)).save(tmp_path / "masks" / f"{seed}.png")
        lines["images"].append(f"photos/{seed}.jpg")
        lines["masks"].append(f"masks/{seed}.png")
    for name, paths in lines.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(paths))
    shutil.copy(tmp_path / "images.txt", tmp_path / "list.txt")
    shutil.copy(tmp_path / "photos" / "0.jpg", tmp_path / "photo.jpg")
    film(tmp_path / "clip.mp4", frames=26)
    (tmp_path / "RUN").mkdir()
    (tmp_path / "RUN" / "best.safetensors").symlink_to(bundled_checkpoint(DISK))
    return tmp_path


@pytest.mark.parametrize("name", EXAMPLES)
def test_they_run_one_after_the_other(hypseg: Hypseg, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each into a place of its own. Of what learns, which takes hours or minutes, the settings."""
    pretend_to_quantise(monkeypatch)
    pretend_to_export(monkeypatch)
    pretend_to_serve(monkeypatch)
    if name == "review":
        reviewed(folder).rename("doubt")
    if name == "convert":
        net = get_model("deeplabv3_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=19)
        torch.save(net.state_dict(), "best.pth")
        Path("classes.txt").write_text("".join(f"{number}:class {number}\n" for number in range(19)))
    if name in {"annotate", "evaluate", "verify"}:
        assert hypseg("predict", "photos", "-o", "out").code == 0
    if name == "annotate":
        shutil.copytree("out", "doubt")
        Path("doubt/review.csv").write_text("key,verdict\n0,wrong\n")
    if name == "train":  # whose settings are those for so many images
        shutil.copytree("photos", "DIR/images")
        shutil.copytree("masks", "DIR/masks")
        for kind, suffix in (("images", "jpg"), ("masks", "png")):
            shutil.copy(f"DIR/{kind}/0.{suffix}", f"DIR/{kind}/2.{suffix}")
        Path("DIR/classes.txt").write_text("0:background\n1:nucleus\n")
    if name == "evaluate":
        shutil.copy(bundled_checkpoint(), "model.safetensors")
    if name == "compare":
        loaded = load_checkpoint(bundled_checkpoint())
        weights = loaded.model.state_dict()
        for seed in "123":  # trainings whose answers differ
            path = Path(f"{seed}.safetensors")
            weights["head.bias"] = weights["head.bias"].roll(1)
            save_checkpoint(path, loaded.header, weights)
            assert hypseg("evaluate", "photos", "masks", "-c", path, "-o", f"A{seed}").code == 0
            shutil.copytree(f"A{seed}", f"B{seed}")
        for other in ("report-a", "report-b"):
            shutil.copytree("A1", other)
    for number, example in enumerate(EXAMPLES[name]):
        if name == "merge":
            shutil.rmtree("out", ignore_errors=True)
            for shard in ("0/2", "1/2"):
                again = ("--shard", shard, "--overwrite")
                assert hypseg("evaluate", "photos", "masks", "-o", "report", *again).code == 0
                assert hypseg("predict", "photos", "-o", "out", "--shard", shard).code == 0
        for command in example.split(" && "):
            program, *words = shlex.split(command)
            assert program == "hypseg"
            if words[0] in {"cluster", "train"}:
                words = [word for word in words if word != "--resume"] + ["--show-config"]
            elif "-o" in words and name != "verify":
                words[words.index("-o") + 1] = f"{number}{words[words.index('-o') + 1]}"
            outcome = hypseg(*words)
            assert outcome.code in ({0, 4} if "--fail-under" in words else {0}), (command, outcome.stderr)
