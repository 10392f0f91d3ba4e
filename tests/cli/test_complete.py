"""What a shell is offered, asked as shells ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import make_checkpoint

from hypsegcli.checkpoint.bundled import MODELS
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.files.kinds import PREDICT
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import BACKBONES
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.config_file import RECIPES

ASK = """
import sys
from hypsegcli.cli.app import main
try:
    main([])
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def offered(*words: str) -> list[str]:
    """What bash is told for the last of the words; torch must not have been imported for it."""
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_HYPSEG_COMPLETE": "complete_bash"}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"
    return done.stdout.split()


MODEL_NAMES = [name for model in MODELS for name in (model.name, *model.aliases)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("predict x --save |", list(PREDICT)),
        ("predict x --save labels,o", ["labels,overlay"]),
        ("predict x --save labels,|", [f"labels,{kind}" for kind in PREDICT if kind != "labels"]),
        ("predict x --measure |", [*MEASURES, "all"]),
        ("uncertainty x --measure |", [*MEASURES]),
        ("evaluate x y --measure d", ["distance"]),
        ("predict x --level g", ["ground"]),
        ("predict x -c nuclei --level |", ["auto", "1"]),
        ("predict x -c hf://me/streets --level |", ["auto"]),  # nothing is fetched for a key
        ("predict x -c |", MODEL_NAMES),
        ("disk x --checkpoint str", ["streets", "streets-disk"]),
        ("info n", ["nuclei"]),
        ("card n", ["nuclei"]),
        ("export n", ["nuclei"]),
        ("export x --to |", ["onnx", "openvino", "pt2"]),
        ("predict x --engine o", ["openvino", "onnxruntime"]),
        ("predict x --format |", ["png", "npy", "tif"]),
        ("predict x --device c", ["cpu", "cuda", "cuda:all"]),
        ("evaluate x y --convention |", ["cityscapes", "mmseg", "torchmetrics", "reference"]),
        ("train --backbone |", list(BACKBONES)),
        ("train --head e", ["euclidean"]),
        ("train --softmax |", ["hierarchical", "flat"]),
        ("train --output-stride |", ["8", "16"]),
        ("train --init |", ["imagenet", *(model.name for model in MODELS)]),
        ("train --config |", list(RECIPES)),
        ("train --set |", [f"{name}=" for name in TrainConfig.model_fields]),
        ("train --set optimizer=|", ["optimizer=adamw", "optimizer=sgd"]),
        ("train --set train-only=h", ["train-only=head"]),
        ("train --set nonsense=|", []),
        ("ver", ["verify"]),
        ("predict --fail", ["--fail-fast"]),
    ],
)
def test_the_words_that_may_follow(words: str, expected: list[str]) -> None:
    assert offered("hypseg", *words.rstrip("|").split(" ")) == expected


def test_levels_are_those_of_the_checkpoint_that_is_named(tmp_path: Path) -> None:
    tree = ClassTree(names=("a", "b", "c", "things"), parents=(3, 3, -1, -1), classes=3)
    checkpoint = make_checkpoint(tmp_path / "tree.safetensors", tree)
    assert offered("hypseg", "predict", "x", "-c", str(checkpoint), "--level", "") == ["auto", "1", "2", "things"]


def test_a_checkpoint_that_cannot_be_read_offers_what_always_works(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"x")
    for name in ("bad.safetensors", "none.safetensors", "state.pt"):
        assert offered("hypseg", "predict", "x", "-c", str(tmp_path / name), "--level", "") == ["auto"]
