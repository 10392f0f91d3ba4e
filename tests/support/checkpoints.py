"""Checkpoint files made by hand, and what is said of those that are refused."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import CheckpointError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import ModelConfig

TREE = ClassTree(names=("a", "b", "c", "left"), parents=(3, 3, -1, -1), classes=3)
# The embedding is small so that the head's shapes are not mistaken for others.
CONFIG = ModelConfig(backbone="mobilenet_v3_large", nodes=4, embedding_size=5, curvature=0.5)


def header_for(config: ModelConfig) -> Header:
    """The header of a network of four nodes."""
    return Header(
        model=config,
        input=InputSpec(height=32, width=48),
        tree=TREE,
        colors=((0, 0, 0), (255, 0, 0), (0, 255, 0)),
        ignore_index=255,
        provenance=Provenance(trained_on="noise", licence="none", hypseg_version="0", torch_version=torch.__version__),
    )


HEADER = header_for(CONFIG)


def refusal(path: Path, read: Callable[[Path], object] = load_checkpoint) -> str:
    """The one line that refuses a file, which names it first."""
    with pytest.raises(CheckpointError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    return str(error.value)


def header_refusal(path: Path) -> str:
    """What refuses a file whose header alone is read as well as one that is loaded."""
    sentence = refusal(path)
    assert refusal(path, read_header) == sentence
    return sentence


def put(folder: Path, data: bytes, name: str = "model.safetensors") -> Path:
    """A checkpoint file of these bytes."""
    path = folder / name
    path.write_bytes(data)
    return path


def torch_bytes(thing: object) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()
