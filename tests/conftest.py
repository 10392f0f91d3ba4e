"""Fixtures that several rooms share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.checkpoint.store import save_checkpoint
from hypsegcli.cli.app import main
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_model

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared" / "data"


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    stdout: str
    stderr: str


Hypseg = Callable[..., Outcome]


@pytest.fixture
def hypseg(capsys: pytest.CaptureFixture[str]) -> Hypseg:
    """Run the command line in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The CamVid folder, which is not part of the project."""
    folder = SHARED / "camvid"
    if not folder.is_dir():
        pytest.skip(f"CamVid is not at {folder}: nothing is tested on real masks here")
    return folder


def photograph(path: Path, *, size: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    """Write a smooth random RGB picture of some (width, height)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse.resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three pictures, one in a subfolder, of two sizes."""
    folder = tmp_path / "photos"
    photograph(folder / "a.jpg", seed=1)
    photograph(folder / "b.png", seed=2)
    photograph(folder / "sub" / "c.png", size=(50, 33), seed=3)
    return folder


def make_checkpoint(path: Path, tree: ClassTree, **architecture: object) -> Path:
    """Write a checkpoint with random weights."""
    flat = architecture.get("softmax") == "flat" or tree.is_flat
    config = ModelConfig.model_validate(
        {"backbone": "mobilenet_v3_large", "embedding_size": 4, "softmax": "flat" if flat else "hierarchical"}
        | {"nodes": tree.classes if flat else tree.nodes}
        | architecture
    )
    header = Header(
        model=config,
        input=InputSpec(height=48, width=64),
        tree=tree,
        colors=tuple((index % 256, index // 256, 7) for index in range(tree.classes)),
        ignore_index=255,
        provenance=Provenance(trained_on="nothing", licence="none", hypseg_version="0", torch_version="0"),
    )
    torch.manual_seed(0)
    save_checkpoint(path, header, build_model(config).state_dict())
    return path


@pytest.fixture(scope="session")
def many_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with 300 classes."""
    tree = flat_tree([f"class {index}" for index in range(300)])
    return make_checkpoint(tmp_path_factory.mktemp("many") / "many.safetensors", tree)


def manifest(out: Path) -> dict[str, dict[str, object]]:
    """The manifest's lines by key."""
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    return {line["key"]: line for line in lines}
