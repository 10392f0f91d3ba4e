"""Checkpoints that hold their network in int8 as well: whole, or refused; and carried along."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save
from support import make_checkpoint
from support.checkpoints import refusal
from support.quantised import FACTS, GRAPHS
from torch import Tensor

from hypsegcli.checkpoint.format import METADATA_KEY, Header, Quantisation, header_to_json
from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint
from hypsegcli.hierarchy.tree import flat_tree


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return make_checkpoint(tmp_path / "plain.safetensors", flat_tree(["a", "b"]), backbone="mobilenet_v3_small")


def written(plain: Path, graphs: dict[str, Tensor], *, facts: Quantisation | None = FACTS) -> Path:
    header: Header = load_checkpoint(plain).header.model_copy(update={"int8": facts})
    path = plain.with_name("int8.safetensors")
    path.write_bytes(save(load_file(plain) | graphs, metadata={METADATA_KEY: header_to_json(header)}))
    return path


def test_graphs_are_kept_beside_the_weights_and_carried_along(plain: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(written(plain, GRAPHS))
    assert loaded.header.int8 == FACTS
    assert {name: tensor.tolist() for name, tensor in loaded.int8.items()} == {
        name: tensor.tolist() for name, tensor in GRAPHS.items()
    }
    copy_checkpoint(loaded, tmp_path / "copy.safetensors", loaded.header)
    assert load_file(tmp_path / "copy.safetensors").keys() == load_file(loaded.path).keys()
    assert (tmp_path / "copy.safetensors").read_bytes() == loaded.path.read_bytes()
    copy_checkpoint(loaded, tmp_path / "without.safetensors", loaded.header.model_copy(update={"int8": None}))
    assert load_checkpoint(tmp_path / "without.safetensors").int8 == {}
    assert load_checkpoint(plain).int8 == {}


def test_a_network_that_takes_no_mean_has_one_graph(tmp_path: Path) -> None:
    tree = flat_tree(["a", "b"])
    plain = make_checkpoint(tmp_path / "mlp.safetensors", tree, backbone="timm:test_convnext", decoder="mlp")
    one = {name: tensor for name, tensor in GRAPHS.items() if name.startswith("int8.embedding.")}
    assert load_checkpoint(written(plain, one)).int8.keys() == one.keys()
    assert "4 unexpected" in refusal(written(plain, GRAPHS))


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_one_that_lacks_a_file_is_refused(plain: Path, name: str) -> None:
    sentence = refusal(written(plain, {other: tensor for other, tensor in GRAPHS.items() if other != name}))
    assert name in sentence
    assert "quantise the checkpoint again" in sentence


@pytest.mark.parametrize(
    "tensor", [torch.zeros(9), torch.zeros(3, 3, dtype=torch.uint8), torch.zeros(0, dtype=torch.uint8)]
)
def test_what_is_no_file_is_refused(plain: Path, tensor: Tensor) -> None:
    assert "int8.features.xml is no file" in refusal(written(plain, GRAPHS | {"int8.features.xml": tensor}))


def test_graphs_that_the_header_does_not_tell_of_are_refused(plain: Path) -> None:
    assert "6 unexpected" in refusal(written(plain, GRAPHS, facts=None))
