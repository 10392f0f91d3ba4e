"""What several rooms' tests build and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_model

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
SHARED = REPOSITORY.parent / "shared" / "data"


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    stdout: str
    stderr: str


Hypseg = Callable[..., Outcome]


def photograph(path: Path, *, size: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    """Write a smooth random RGB picture of some (width, height)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse.resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def grow(root: Path, *names: str) -> Path:
    """Write files that hold a byte each, and the folders above them."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def make_checkpoint(path: Path, tree: ClassTree, *, background: int | None = None, **architecture: object) -> Path:
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
        background=background,
        provenance=Provenance(trained_on="nothing", licence="none", hypseg_version="0", torch_version="0"),
    )
    torch.manual_seed(0)
    save_checkpoint(path, header, build_model(config).state_dict())
    return path


def with_sampling(path: Path, *, longest_side: int = 64) -> Path:
    """The checkpoint, as one that has learned from so many samples, most of them at boundaries."""
    loaded = load_checkpoint(path)
    known = loaded.header.input.model_copy(update={"sampling": "adaptive", "longest_side": longest_side})
    save_checkpoint(path, loaded.header.model_copy(update={"input": known}), loaded.model.state_dict())
    return path


def manifest(out: Path) -> dict[str, dict[str, object]]:
    """The manifest's lines by key."""
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    return {line["key"]: line for line in lines}
